import { describe, expect, it } from "vitest";
import { activityKinds, activityOf } from "../../../../src/domain/console/activity.ts";
import { activityPage } from "../../../../src/domain/console/activityPage.ts";
import { appPage } from "../../../../src/domain/console/appPage.ts";
import { appsPage } from "../../../../src/domain/console/appsPage.ts";
import { type CardFacts, modelCards, pageOf, searched } from "../../../../src/domain/console/cards.ts";
import { developmentPage, developmentVersionPage, patchPage } from "../../../../src/domain/console/developmentPage.ts";
import { environmentPage } from "../../../../src/domain/console/environmentPage.ts";
import { consolePage, loginForm, sectionsOf } from "../../../../src/domain/console/frame.ts";
import { poolsPage } from "../../../../src/domain/console/poolsPage.ts";
import { releaseDifferencePage, releasesPage } from "../../../../src/domain/console/releasesPage.ts";
import { rolloutPage } from "../../../../src/domain/console/rolloutPage.ts";
import {
  comparedPairsPage,
  comparisonPage,
  shadowsPage,
  sinceNamed,
  tooMuchPage,
} from "../../../../src/domain/console/shadowPage.ts";
import { usagePage } from "../../../../src/domain/console/usagePage.ts";
import type { ShownDevelopment, ShownPatch } from "../../../../src/domain/development/history.ts";
import type { DeployedShadow } from "../../../../src/domain/shadow/deployed.ts";
import { headlineOf } from "../../../../src/domain/shadow/headline.ts";
import { reportBodies } from "../../../../src/domain/shadow/report/sections.ts";
import { hostileText, shownMinute, shownStanding } from "../../../support/console.ts";
import { byAnUp } from "../../../support/deploymentRange.ts";
import { exampleChatReport, exampleChats, exampleDeployment } from "../../../support/pages.ts";

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
const noFacts = { activities: [], minute: shownMinute, looks: [] };
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
    const { markup } = rolloutPage(shownStanding("iris"), noFacts, { suffix: "" }, now);
    expect(markup).toContain("menagerie:zoo:\n    iris:\n      phase: done");
    expect(markup).toContain("phase: reverted");
    expect(markup).toContain("menagerie rollout revert --id 2");
    expect(markup).toContain("version 2 answers 25 % of the requests to the model itself");
    expect(markup).toContain("Nobody judges this rollout");
    expect(markup).toContain("iris: bake since 2026-11-30T12:00:00.000Z");
  });
});

describe("the pages of development versions", () => {
  const version: ShownDevelopment = {
    versionId: "31",
    model: "helper",
    number: 1,
    organization: "admin",
    generation: 2,
    baseHash: "a".repeat(64),
    deployedAt: now,
    seq: 2,
    headHash: "c".repeat(64),
    patchedAt: now,
    push: null,
  };
  const patch: ShownPatch = {
    generation: 2,
    seq: 2,
    at: now,
    prevHash: "b".repeat(64),
    nextHash: "c".repeat(64),
    sentBy: "key Ab12Cd34",
    operations: ["UPDATE model_code model.py", "ADD package a.py", "ADD package b.py", "ADD package c.py"],
    reload: { isHot: true, tookMs: 62, applyMs: 10 },
  };

  it("show heads, patches, who sent them and how long the model took", () => {
    const { markup: all } = developmentPage([version], { suffix: " -e second" });
    expect(all).toContain('<a href="/development/31">helper</a>');
    expect(all).toContain("menagerie dev show -e second");
    const patches = [patch, { ...patch, seq: 1, sentBy: null, reload: { isHot: false, tookMs: 4_000, applyMs: 1 } }];
    const { markup } = developmentVersionPage(version, patches, { suffix: "", mayReadCode: true });
    expect(markup).toContain("head cccccccccccc, 2 patches after full deployment 2");
    expect(markup).toContain('<a href="/development/31/2/2">2.2</a>');
    expect(markup).toContain("<td>key Ab12Cd34</td><td>hot, 62 ms</td>");
    expect(markup).toContain("and 1 more");
    expect(markup).toContain("Reload times of 2 patches, at most 4.00 s");
    expect(markup).not.toContain("Earlier");
  });

  it("lead to code whoever may see it alone, and say so where nothing is there", () => {
    const { markup } = developmentVersionPage(version, [patch], { suffix: "", mayReadCode: false });
    expect(markup).not.toContain('href="/development/31/2/2"');
    expect(markup).toContain("Keys of role inspector");
    expect(developmentPage([], { suffix: "" }).markup).toContain("There is no development version");
    const unpatched = developmentVersionPage({ ...version, seq: 0 }, [], { suffix: "", mayReadCode: false });
    expect(unpatched.markup).toContain("Nothing was patched");
  });

  it("show a patch line by line", () => {
    const operation = { action: "UPDATE", path: "model.py", content: "a\nB\n" } as const;
    const before = new Map([["model_code model.py", "a\nb\n"]]);
    const whole = { patch, operations: [{ type: "model_code", body: operation } as const], before };
    const { markup } = patchPage(version, whole, { suffix: "" });
    expect(markup).toContain("  a\n<del>- b</del>\n<ins>+ B</ins>\n");
    expect(markup).toContain("menagerie dev show 31 --diff 2.2");
  });
});

describe("the pages of shadows", () => {
  const notes = {
    name: "chat",
    shadow: "bold",
    deployment: exampleDeployment,
    since: sinceNamed("24h"),
    suffix: " -e second",
    mayReadBodies: true,
  };
  const { result, conversations } = exampleChats();

  it("lead to each pair of a primary and a shadow", () => {
    const { markup } = shadowsPage({ chat: exampleDeployment }, { suffix: "" });
    expect(markup).toContain('<a href="/shadow/chat/bold">bold</a>');
    expect(markup).toContain("at most 5 % of 100 pairs or more");
    expect(shadowsPage({}, { suffix: "" }).markup).toContain("There is no shadow deployment");
    expect(shadowsPage(undefined, { suffix: "" }).markup).toContain("cannot be read here");
  });

  it("show counts with their interval and which fields differ, and no part of an answer", () => {
    for (const mayReadBodies of [false, true]) {
      const { markup } = comparisonPage(result, { ...notes, mayReadBodies, now });
      expect(markup).toContain(headlineOf(result).split(".")[0]?.replaceAll(" %", "\u00a0%"));
      expect(markup).toContain("choices[*].message.content");
      expect(markup).toContain("95 %");
      expect(markup).not.toContain("otter");
      expect(markup).toContain("menagerie compare chat --shadow bold --since 24h -e second");
      expect(markup.includes("/shadow/chat/bold/pairs?since=24h")).toBe(mayReadBodies);
    }
  });

  it("show pairs side by side, all or those of a field", () => {
    const shown = (field: string | undefined) =>
      comparedPairsPage({ result, conversations }, { ...notes, field }).markup;
    expect(shown(undefined)).toContain("What does an otter eat?");
    expect(shown(undefined)).toContain('<option value="choices[*].message.content">');
    expect(shown("status")).not.toContain("otter");
    expect(shown("status")).toContain("Pairs that differ most");
  });

  it("are what the report is, in a file", () => {
    const report = exampleChatReport();
    const { markup } = reportBodies(result, conversations);
    expect(report).toContain(markup);
    const page = comparisonPage(result, { ...notes, now }).markup;
    for (const section of page.match(/<svg class="timeline".*?<\/svg>/gs) ?? []) expect(report).toContain(section);
    expect(page).toContain('<svg class="timeline"');
  });

  it("say which time is too long", () => {
    expect(tooMuchPage(notes).markup).toContain("Choose a shorter time");
    expect(sinceNamed("nonsense").name).toBe("1h");
  });
});

describe("the page of usage", () => {
  const row = { organization: "acme", app: null, appName: null, model: "iris", day: "2026-11-30" };
  const numbers = { requests: 1_234, tokensIn: 56, tokensOut: 7 };
  const pageNotes = { since: "2026-11-29", until: "2026-11-30", suffix: "", limits: [] };

  it("shows as much of each table as it has room for, and leads to the rest of each apart", () => {
    const rows = Array.from({ length: 101 }, () => ({ ...row, ...numbers }));
    const organizations = Array.from({ length: 51 }, (_, place) => ({ name: `o${place}`, ...numbers, days: {} }));
    const { markup } = usagePage({ rows, organizations }, { ...pageNotes, pages: { rows: 2, organizations: 3 } });
    expect(markup.match(/<tr>/g)).toHaveLength(2 + 100 + 50);
    expect(markup).toContain('href="/usage?page=3&#38;organizations=3"');
    expect(markup).toContain('href="/usage?page=2&#38;organizations=4"');
    const { markup: last } = usagePage(
      { rows: [], organizations: [] },
      { ...pageNotes, pages: { rows: 1, organizations: 1 } },
    );
    expect(last).not.toContain("<nav");
  });

  it("draws a bar for each day with requests", () => {
    const organizations = [{ name: "acme", ...numbers, days: { "2026-11-29": 0, "2026-11-30": 1_234 } }];
    const { markup } = usagePage({ rows: [], organizations }, { ...pageNotes, pages: { rows: 1, organizations: 1 } });
    expect(markup).toContain('aria-label="at most 1,234 requests a day"');
    expect(markup).toContain('d="M5 24v-22h4v22"');
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
  const hostileVersion: ShownDevelopment = {
    versionId: "1",
    model: hostileText,
    number: 1,
    organization: hostileText,
    generation: 1,
    baseHash: hostileText,
    deployedAt: now,
    seq: 1,
    headHash: hostileText,
    patchedAt: now,
    push: { status: "failed", because: hostileText, at: now },
  };
  const hostileSide = { service: hostileText, truss: "", hash: "", version: hostileText, schema: "x" };
  const hostileShadow: DeployedShadow = {
    ...exampleDeployment,
    primary: hostileSide,
    shadows: { [hostileText]: hostileSide },
  };
  const hostileNotes = {
    name: hostileText,
    shadow: hostileText,
    deployment: hostileShadow,
    since: sinceNamed("1h"),
    suffix: "",
    mayReadBodies: true,
  };
  const hostilePlace = { generation: 1, seq: 1, at: now, operations: [hostileText] };
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
        noFacts,
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
      usagePage(
        {
          rows: [{ ...usage, requests: 3, tokensIn: 1, tokensOut: 2 }],
          organizations: [{ name: hostileText, requests: 3, tokensIn: 1, tokensOut: 2, days: { "2026-11-30": 3 } }],
        },
        {
          since: "2026-11-01",
          until: "2026-11-30",
          suffix: "",
          limits: [{ name: hostileText, limits: { requestsPerMinute: 3 } }],
          pages: { rows: 1, organizations: 1 },
        },
      ),
    development: () => developmentPage([hostileVersion], { suffix: "" }),
    "development version": () =>
      developmentVersionPage(
        hostileVersion,
        [{ ...hostilePlace, prevHash: hostileText, nextHash: hostileText, sentBy: hostileText, reload: null }],
        { suffix: "", mayReadCode: true },
      ),
    patch: () =>
      patchPage(
        hostileVersion,
        {
          patch: { ...hostilePlace, prevHash: hostileText, nextHash: hostileText, sentBy: hostileText, reload: null },
          operations: [
            { type: "package", body: { action: "UPDATE", path: hostileText, content: `${hostileText}\n\u0000\u202e` } },
          ],
          before: new Map([[`package ${hostileText}`, `<b>\n`]]),
        },
        { suffix: "" },
      ),
    shadows: () => shadowsPage({ [hostileText]: hostileShadow }, { suffix: "" }),
    comparison: () => comparisonPage(exampleChats().result, { ...hostileNotes, now }),
    "compared pairs": () =>
      comparedPairsPage(
        {
          result: exampleChats().result,
          conversations: [
            {
              requestId: hostileText,
              at: 0,
              isSampled: false,
              asked: [{ who: hostileText, text: hostileText }],
              primary: { turns: [{ who: hostileText, text: hostileText }] },
              shadow: { turns: [], note: hostileText },
            },
          ],
        },
        { ...hostileNotes, field: undefined },
      ),
    "too many pairs": () => tooMuchPage(hostileNotes),
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
    app: () =>
      appPage(
        {
          id: "1",
          name: hostileText,
          owner: hostileText,
          organization: hostileText,
          zooModel: hostileText,
          version: 1,
        },
        [{ kind: "forward", at: new Date(), fromVersion: 1, model: hostileText, toVersion: 2, because: hostileText }],
        { suffix: "", ofOrganization: false },
      ),
    releases: () => releasesPage([range, { ...range, id: "0" }], { suffix: "" }, new Date()),
    "how releases differ": () =>
      releaseDifferencePage(
        { ...range, config: { zoo: { [hostileText]: hostileText } } },
        { ...range, id: "0", config: {} },
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
    const by = { role: "viewer", who: "key Ab", organization: { id: "1", name: "acme" } } as const;
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
    expect(sectionsOf(by).map(({ path }) => path)).toEqual(["/apps", "/usage", "/recorded", "/development"]);
  });
});
