import { describe, expect, it } from "vitest";
import { activityKinds, activityOf } from "../../../../src/domain/console/activity.ts";
import { activityPage } from "../../../../src/domain/console/activityPage.ts";
import { appsPage } from "../../../../src/domain/console/appsPage.ts";
import { type CardFacts, modelCards, pageOf, searched } from "../../../../src/domain/console/cards.ts";
import { environmentPage } from "../../../../src/domain/console/environmentPage.ts";
import { consolePage, loginForm, sectionsOf } from "../../../../src/domain/console/frame.ts";
import { poolsPage } from "../../../../src/domain/console/poolsPage.ts";
import { releasesPage } from "../../../../src/domain/console/releasesPage.ts";
import { rolloutPage } from "../../../../src/domain/console/rolloutPage.ts";
import { usagePage } from "../../../../src/domain/console/usagePage.ts";
import { hostileText, shownMinute, shownStanding } from "../../../support/console.ts";
import { byAnUp } from "../../../support/deploymentRange.ts";

const now = new Date("2026-11-30T18:00:00Z");
const facts = (more: Partial<CardFacts> = {}): CardFacts => ({
  standings: [shownStanding("iris"), shownStanding("wine", { phase: "done", from: null, traffic: null })],
  minute: shownMinute,
  served: [
    { model: "iris", kind: "zoo", service: "iris-v1", hash: "a".repeat(64), state: "ready", because: null },
    {
      model: "iris",
      kind: "zoo",
      service: "iris-v2",
      hash: "b".repeat(64),
      state: "starting",
      because: "0 of 1 pods are ready",
    },
    {
      model: "next",
      kind: "development",
      service: "next",
      hash: "c".repeat(64),
      state: "stopped",
      because: "the next request starts it",
    },
  ],
  ...more,
});
const notes = { search: "", suffix: "", isAsked: true };

describe("cards", () => {
  it("are one for each model, with the versions that answer or that apps point at", () => {
    const [iris, wine, next] = modelCards(facts(), now);
    expect(iris).toMatchObject({ name: "iris", kind: "zoo", phase: "bake", state: { state: "ready" } });
    expect(iris?.versions.map(({ number, weight, apps }) => [number, weight, apps])).toEqual([
      [1, 75, 2],
      [2, 25, 0],
    ]);
    expect(wine?.state).toEqual({ state: "down", because: "nothing serves it" });
    expect(next).toMatchObject({ kind: "development", phase: null, state: { state: "stopped" } });
  });

  it("say nothing of what cannot be asked", () => {
    const [iris] = modelCards(facts({ served: undefined, minute: undefined }), now);
    expect(iris?.state).toBeNull();
    expect(iris?.versions.map(({ traffic, state }) => [traffic, state])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it("are found by each word of a search, and shown by pages", () => {
    const cards = modelCards(facts(), now);
    expect(searched(cards, "IR bake").map(({ name }) => name)).toEqual(["iris"]);
    expect(searched(cards, "development").map(({ name }) => name)).toEqual(["next"]);
    expect(searched(cards, "ir wine")).toEqual([]);
    expect(pageOf(cards, 9, 2)).toMatchObject({ all: 3, page: 2, pages: 2, shown: [{ name: "next" }] });
    expect(pageOf(cards, -1, 2)).toMatchObject({ page: 1 });
    expect(pageOf([], 1, 2)).toEqual({ shown: [], all: 0, page: 1, pages: 1 });
  });
});

describe("the page of models", () => {
  it("shows phase, versions, traffic, readiness and the command that prints the same", () => {
    const { markup } = environmentPage(pageOf(modelCards(facts(), now), 1, 24), { ...notes, suffix: " -e second" });
    expect(markup).toContain('<a href="/rollout/iris">iris</a>');
    expect(markup).toContain('<li aria-current="step">bake</li>');
    expect(markup).toContain("75 %");
    expect(markup).toContain('<span class="tag warn" title="0 of 1 pods are ready">starting</span>');
    expect(markup).toContain("<code>menagerie rollout iris -e second</code>");
    expect(markup).toContain("menagerie status -e second");
  });

  it("says so where nothing is deployed, found, or asked", () => {
    const empty = pageOf([], 1, 24);
    expect(environmentPage(empty, notes).markup).toContain("Nothing is deployed yet");
    expect(environmentPage(empty, { ...notes, search: "x" }).markup).toContain("No model matches");
    expect(environmentPage(empty, { ...notes, isAsked: false }).markup).toContain("The cluster cannot be asked now");
  });
});

describe("the page of a rollout", () => {
  it("shows where it stands, the next edit as text, and what the command prints", () => {
    const { markup } = rolloutPage(shownStanding("iris"), [], shownMinute, { suffix: "" }, now);
    expect(markup).toContain("menagerie:zoo:\n    iris:\n      phase: done");
    expect(markup).toContain("phase: reverted");
    expect(markup).toContain("menagerie rollout revert --id 2");
    expect(markup).toContain("version 2 answers 25 % of the requests to the model itself");
    expect(markup).toContain("Nobody judges this rollout");
    expect(markup).toContain("iris: bake since 2026-11-30T12:00:00.000Z");
  });
});

describe("the page of pools", () => {
  it("shows what is asked for, used and waiting, and says so where nothing is known", () => {
    const user = { service: "iris-v2", model: "iris", kind: "zoo", pods: 2, used: 1, waiting: 1 } as const;
    const pool = { pool: "t4", most: 4, nodes: 1, gpus: 1, used: 1, waiting: 1, users: [{ ...user, because: "full" }] };
    const { markup } = poolsPage([pool], { suffix: " -e second" });
    expect(markup).toContain('aria-label="1 of 1 GPUs used, 1 waiting; at most 4"');
    expect(markup).toContain('<a href="/rollout/iris">iris</a>');
    expect(markup).toContain("<td>full</td>");
    expect(markup).toContain("menagerie status -e second");
    expect(poolsPage([], { suffix: "" }).markup).toContain("No pool has GPUs");
    expect(poolsPage(undefined, { suffix: "" }).markup).toContain("The cluster cannot be asked now");
  });
});

describe("activity", () => {
  it("has words for every record", () => {
    for (const kind of activityKinds) {
      const said = activityOf({ kind, id: "1", at: now, cursor: "x", model: "iris", who: null, details: {} });
      expect([kind, said.what === "" || said.command === ""]).toEqual([kind, kind === "audit"]);
    }
    const row = { id: "1", at: now, cursor: "x", model: "iris", who: "guard" };
    const traffic = { before: 10, weight: 0, control: 0, verdict: "12" };
    expect(activityOf({ ...row, kind: "traffic", details: traffic })).toMatchObject({
      what: "traffic 10 % → 0 % to the new version",
      because: "verdict 12",
    });
    const audit = { what: "key.create", details: { prefix: "Ab", rights: ["batch", "operate"], limits: {}, n: 2 } };
    expect(activityOf({ ...row, kind: "audit", details: audit })).toMatchObject({
      what: "key.create",
      because: "prefix Ab, rights batch operate, n 2",
    });
  });
});

describe("every page", () => {
  const range = {
    ...byAnUp,
    id: "1",
    environment: hostileText,
    tag: hostileText,
    code: hostileText,
    outcome: "mixed" as const,
    reason: hostileText,
    requestedBy: hostileText,
    models: [{ name: hostileText, version: 1, hash: null, source: "zoo", service: null, digest: null }],
    since: now,
    until: now,
    stateSchema: null,
  };
  const usage = { organization: hostileText, app: "1", appName: hostileText, model: hostileText, day: "2026-11-30" };
  const hostile = {
    environment: () =>
      environmentPage(
        pageOf(
          modelCards(
            facts({
              standings: [shownStanding(hostileText)],
              served: [
                {
                  model: hostileText,
                  kind: "shadow",
                  service: hostileText,
                  hash: hostileText,
                  state: "down",
                  because: hostileText,
                },
              ],
            }),
            now,
          ),
          1,
          24,
        ),
        { ...notes, search: hostileText },
      ),
    rollout: () =>
      rolloutPage(
        shownStanding(hostileText, { next: { set: [hostileText], refused: hostileText } }),
        [],
        shownMinute,
        { suffix: "" },
        now,
      ),
    activity: () =>
      activityPage(
        [
          activityOf({
            kind: "audit",
            id: "1",
            at: now,
            cursor: "",
            model: hostileText,
            who: hostileText,
            details: { what: hostileText, details: { [hostileText]: hostileText } },
          }),
        ],
        { suffix: "", older: hostileText },
      ),
    apps: () =>
      appsPage(
        [
          {
            id: "1",
            name: hostileText,
            owner: hostileText,
            organization: hostileText,
            zooModel: hostileText,
            version: 1,
          },
        ],
        { search: hostileText, suffix: "", page: 2, hasMore: true, ofOrganization: false },
      ),
    usage: () =>
      usagePage([{ ...usage, requests: 3, tokensIn: 1, tokensOut: 2 }], {
        since: "2026-11-01",
        until: "2026-11-30",
        suffix: "",
        limits: [{ name: hostileText, limits: { requestsPerMinute: 3 } }],
      }),
    releases: () => releasesPage([range, { ...range, id: "0" }], { suffix: "" }),
    pools: () =>
      poolsPage(
        [
          {
            pool: hostileText,
            most: 2,
            nodes: 1,
            gpus: 1,
            used: 1,
            waiting: 1,
            users: [
              {
                service: hostileText,
                model: hostileText,
                kind: "zoo",
                pods: 2,
                used: 1,
                waiting: 1,
                because: hostileText,
              },
            ],
          },
        ],
        { suffix: "" },
      ),
    login: () => loginForm({ wrong: hostileText, next: hostileText }),
  } as const;

  it.each(Object.entries(hostile))("shows HTML as text: %s", (_, page) => {
    const { markup } = page();
    expect(markup).toContain("&#60;script&#62;");
    const tags = [...markup.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""'));
    expect(tags.filter((tag) => /^<(?:script|img)|\son\w+=|javascript:/i.test(tag))).toEqual([]);
    expect(markup).not.toContain("undefined");
    expect(markup).not.toContain("[object");
    // The policy lets no style in that is written in the page.
    expect(markup).not.toMatch(/\sstyle=/);
  });

  it("has a name, a language, a way past the header, and links for whom they are", () => {
    const assets = { style: "/assets/a.css", script: "/assets/a.js" };
    const by = { role: "viewer", prefix: "Ab", organization: { id: "1", name: "acme" } } as const;
    const page = consolePage({
      title: "Apps",
      environment: "local",
      assets,
      section: "/apps",
      seen: { by, token: "t" },
      main: hostile.apps(),
    });
    expect(page).toContain('<html lang="en">');
    expect(page).toContain("<title>Apps · local · Menagerie</title>");
    expect(page).toContain('<a class="skip" href="#content">');
    expect(page).toContain('<a href="/apps" aria-current="page">Apps</a>');
    expect(page).not.toContain('href="/activity"');
    expect(sectionsOf(by).map(({ path }) => path)).toEqual(["/apps", "/usage"]);
  });
});
