import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations } from "../support/axe.ts";
import { Browser, findBrowser, type View } from "../support/browser.ts";
import { exampleChatReport, exampleReport, exampleTimeline } from "../support/pages.ts";

/**
 * The pages as a real browser shows them. MENAGERIE_BROWSER names a Chromium where the PATH has none;
 * MENAGERIE_SCREENSHOTS a folder that pictures of the pages go to.
 */

const program = findBrowser();
let browser: Browser | undefined;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-pages-"));
  if (program !== undefined) browser = await Browser.start(program);
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

const views: View[] = (["light", "dark"] as const).flatMap((scheme) => [1180, 480].map((width) => ({ scheme, width })));

/** In the page: lowest contrast of a text to what it stands on (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). */
const lowestContrast = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0.99) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const ratios = [...document.querySelectorAll("body *")].flatMap((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("title") || element.tagName === "STYLE") return [];
    const style = getComputedStyle(element);
    const inPicture = element.ownerSVGElement;
    const rect = inPicture && element.parentElement.tagName === "g" && element.parentElement.querySelector("rect");
    const [text, back] = [inPicture ? style.fill : style.color, rect ? getComputedStyle(rect).fill : ground(element)];
    const [a, b] = [luminance(text), luminance(back)].sort((x, y) => y - x);
    return [{ ratio: (a + 0.05) / (b + 0.05), text: element.textContent.trim().slice(0, 40) }];
  });
  return ratios.sort((a, b) => a.ratio - b.ratio)[0];
})()`;

/** In the page: labels that reach out of the shape they stand in. */
const escapingLabels = `[...document.querySelectorAll("svg g")].flatMap((group) => {
  const [rect, text] = [group.querySelector("rect"), group.querySelector("text")];
  if (!rect || !text) return [];
  return text.getBoundingClientRect().right > rect.getBoundingClientRect().right + 1 ? [text.textContent] : [];
})`;

describe.each([
  ["the timeline of releases", exampleTimeline],
  ["the report of a shadow deployment", exampleReport],
  ["the report of chats", exampleChatReport],
])("%s", (name, page) => {
  for (const view of views)
    it(`is readable and complete for a reader with ${view.scheme} colours and ${view.width} pixels`, async (context) => {
      if (!browser) return context.skip("no Chromium is in the PATH; set MENAGERIE_BROWSER to one");
      const file = join(folder, `${name.replaceAll(" ", "-")}.html`);
      await writeFile(file, page());
      const shown = await browser.show(file, view);
      // What is folded has to be readable too.
      await shown.evaluate("for (const each of document.querySelectorAll('.conversation')) each.open = true");
      if (process.env.MENAGERIE_SCREENSHOTS) {
        const picture = join(
          process.env.MENAGERIE_SCREENSHOTS,
          `${name.replaceAll(" ", "-")}-${view.scheme}-${view.width}.png`,
        );
        await writeFile(picture, await shown.screenshot());
      }
      expect(shown.complaints).toEqual([]);
      expect(await shown.evaluate("document.querySelectorAll('svg rect').length")).toBeGreaterThan(10);
      // Wide pictures and tables scroll in their own boxes, never the page.
      expect(await shown.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(view.width);
      expect(await shown.evaluate(escapingLabels)).toEqual([]);
      const { ratio, text } = await shown.evaluate<{ ratio: number; text: string }>(lowestContrast);
      expect(ratio, `contrast of "${text}"`).toBeGreaterThanOrEqual(4.5);
      expect(await axeViolations(shown)).toEqual([]);
      const background = await shown.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(Number(/\d+/.exec(background)?.[0]) > 128).toBe(view.scheme === "light");
    });
});
