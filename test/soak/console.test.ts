import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations } from "../support/axe.ts";
import { Browser, findBrowser, type View } from "../support/browser.ts";
import { shownStanding } from "../support/console.ts";
import { emptyReads, manyModels, type PlayedConsole, playConsole, playedReads } from "../support/playedConsole.ts";

/**
 * The console's pages as a real browser shows them, over its real server. MENAGERIE_BROWSER names a Chromium where the PATH has none;
 * MENAGERIE_SCREENSHOTS a folder that pictures of the pages go to.
 */

const program = findBrowser();
let browser: Browser | undefined;

beforeAll(async () => {
  if (program !== undefined) browser = await Browser.start(program);
});

afterAll(() => browser?.close());

const views: View[] = (["light", "dark"] as const).flatMap((scheme) => [1180, 480].map((width) => ({ scheme, width })));
const pages = {
  login: "/login",
  environment: "/environment",
  rollout: "/rollout/embedder",
  "rollout that was taken back": "/rollout/reranker",
  development: "/development",
  "development version": "/development/31",
  patch: "/development/31/2/3",
  activity: "/activity",
  apps: "/apps",
  app: "/apps/1040",
  recorded: "/recorded",
  "recorded requests": "/recorded/recorded_iris",
  "a recorded request": "/recorded/recorded_iris/2026-11-30/7b0c1d2e/1",
  usage: "/usage",
  releases: "/releases",
  "how releases differ": "/releases/diff?stack=local&from=13&to=14",
  shadow: "/shadow",
  comparison: "/shadow/chat/bold",
  "pairs that differ": "/shadow/chat/bold/pairs",
  pools: "/pools",
  "page that is not there": "/nothing",
} as const;

describe.each([
  ["with data", playedReads()],
  ["empty", emptyReads],
  ["of a thousand models", manyModels(1_000)],
])("an environment %s", (kind, reads) => {
  let served: PlayedConsole;
  beforeAll(async () => {
    // Who sees every page.
    served = await playConsole(reads, { role: "inspector" });
  });
  afterAll(() => served.stop());

  const shown = Object.entries(pages).filter(
    ([name]) =>
      kind === "with data" || /^(?:environment|development|activity|apps|usage|releases|shadow|pools)$/.test(name),
  );
  for (const [name, path] of shown)
    for (const view of views)
      it(`${name} is readable in ${view.scheme} colours at ${view.width} pixels, and axe finds nothing`, async (context) => {
        if (!browser) return context.skip("no Chromium is in the PATH; set MENAGERIE_BROWSER to one");
        const page = await browser.open(served.url + path, view, name === "login" ? {} : served.cookies);
        try {
          if (process.env.MENAGERIE_SCREENSHOTS && kind === "with data") {
            const picture = `console-${name.replaceAll(" ", "-")}-${view.scheme}-${view.width}.png`;
            await writeFile(join(process.env.MENAGERIE_SCREENSHOTS, picture), await page.screenshot());
          }
          // Wide tables scroll in their own boxes, never the page.
          expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(view.width);
          expect(await axeViolations(page)).toEqual([]);
          const background = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
          expect(Number(/\d+/.exec(background)?.[0]) > 128).toBe(view.scheme === "light");
          // What the browser says against the page, and what the server logged for it.
          const complaints = name === "page that is not there" ? [expect.stringContaining("404")] : [];
          expect({ path, complaints: page.complaints, logged: served.takeLogged() }).toEqual({
            path,
            complaints,
            logged: [],
          });
        } finally {
          await page.close();
        }
      });
});

describe("a page that is open", () => {
  it("shows what changed without being loaded again, keeps where its reader is, and ends with the session", async (context) => {
    if (!browser) return context.skip("no Chromium is in the PATH; set MENAGERIE_BROWSER to one");
    const served = await playConsole(playedReads());
    try {
      const page = await browser.open(`${served.url}/environment`, { scheme: "light", width: 1180 }, served.cookies);
      await expect.poll(() => page.evaluate("document.querySelector('[data-live]').dataset.state")).toBe("live");
      await page.evaluate(`window.isTheSame = true; document.querySelector('a[href="/rollout/iris"]').focus()`);
      const changedAt = performance.now();
      served.change({
        ...playedReads(),
        standings: async () => [shownStanding("iris", { phase: "done" }), shownStanding("zebra")],
      });
      await expect
        .poll(() => page.evaluate(`document.querySelector('a[href="/rollout/zebra"]') !== null`), { interval: 50 })
        .toBe(true);
      const took = performance.now() - changedAt;
      expect(await page.evaluate("window.isTheSame")).toBe(true);
      console.log(`a change was shown after ${Math.round(took)} ms`);
      served.endSession();
      await expect.poll(() => page.evaluate("location.pathname")).toBe("/login");
    } finally {
      await served.stop();
    }
  });

  it("listens only while it is seen, for a browser has six connections to a host", async (context) => {
    if (!browser) return context.skip("no Chromium is in the PATH; set MENAGERIE_BROWSER to one");
    const served = await playConsole(playedReads());
    try {
      for (let tab = 0; tab < 10; tab += 1) {
        const page = await browser.open(`${served.url}/environment`, { scheme: "light", width: 1180 }, served.cookies);
        const sign = () => page.evaluate("document.querySelector('[data-live]').dataset.state");
        await expect.poll(sign).toBe("live");
        // As a tab does behind another one.
        await page.evaluate(
          "Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))",
        );
        await expect.poll(sign).toBe("still");
      }
    } finally {
      await served.stop();
    }
  });

  it("is whole without scripts", async (context) => {
    if (!browser) return context.skip("no Chromium is in the PATH; set MENAGERIE_BROWSER to one");
    const served = await playConsole(playedReads());
    try {
      const text = await (await fetch(`${served.url}/environment`, { headers: { cookie: served.cookie } })).text();
      const page = await browser.open(`${served.url}/environment`, { scheme: "light", width: 1180 }, served.cookies);
      const count = await page.evaluate<number>("document.querySelectorAll('article.model').length");
      expect([...text.matchAll(/<article class="card model">/g)]).toHaveLength(count);
      expect(count).toBe(7);
    } finally {
      await served.stop();
    }
  });
});
