import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { givenRequest } from "../../../../src/cli/bisect/request.ts";
import { type BisectWanted, bisect, type Expected, planBisect } from "../../../../src/cli/bisect/run.ts";
import { describeReport } from "../../../../src/domain/bisect/report.ts";
import { silent } from "../../../../src/domain/progress.ts";
import type { DeploymentRange, RestorableDeployment } from "../../../../src/domain/release/record.ts";
import type { RunnableModel } from "../../../../src/domain/trial/combination.ts";
import { model } from "../../domain/bisect/world.ts";
import { type Answering, fakeTrials } from "./fakeTrials.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "menagerie-bisect-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A history of `iris`, each release with a content and a factor; deployments count from 1. */
interface Told {
  readonly content: string;
  readonly factor: string;
  readonly commit?: string | null;
  readonly config?: Readonly<Record<string, unknown>>;
}

function deployments(history: readonly Told[]): RestorableDeployment[] {
  return history.map(({ content, commit = null, config = {} }, index) => ({
    id: String(index + 1),
    environment: "local",
    tag: `release-${index + 1}`,
    scheme: "deployment-manager",
    code: "0.0.0",
    outcome: "deployed",
    models: [
      { name: "iris", version: index + 1, hash: content, source: "zoo", service: `iris-v${index + 1}`, digest: null },
    ],
    since: new Date(Date.UTC(2026, 10, 1, index)),
    until: null,
    stateSchema: null,
    configDigest: "",
    commit,
    promotedFrom: null,
    requestedBy: "ada@laptop",
    run: "",
    settledBy: "up",
    reason: null,
    config,
  }));
}

function runnable({ content, factor }: Told): RunnableModel {
  return model("iris", content, { env: { FACTOR: factor } });
}

/** Answers its content and factor. */
const plain: Answering = (iris, { body }) => ({
  body: JSON.stringify({ predictions: [contentOf(iris), iris.env.FACTOR], asked: JSON.parse(body || "null") }),
});

function contentOf({ content }: RunnableModel): string {
  return "hash" in content ? content.hash : content.image;
}

async function search(
  history: readonly Told[],
  expected: Expected,
  answering: Answering,
  more: Partial<BisectWanted> = {},
) {
  const trials = fakeTrials(answering);
  const all = deployments(history);
  const fakeClient = {
    query: async (_: string, [, id]: readonly unknown[]) => ({
      rows: all.filter((each) => each.id === id || each.tag === id),
    }),
  };
  const wanted: BisectWanted = {
    stack: "local",
    model: "iris",
    asked: await givenRequest('{"instances": [1]}', "/v1/models/model:predict"),
    expected,
    rules: { ignore: ["asked"] },
    asks: 20,
    mostAsks: 100,
    lookFurther: 0,
    fresh: false,
    ...more,
  };
  const { signal } = new AbortController();
  const surroundings = {
    reading: <Result>(work: (client: never) => Promise<Result>) => work(fakeClient as never),
    readRunnable: async (_: unknown, { id }: { readonly id: string }) => {
      const told = history[Number(id) - 1];
      if (!told) throw new Error(`there is no deployment ${id}`);
      return { name: `release-${id}`, models: [runnable(told), model("other", id)], state: null };
    },
    home,
    progress: silent,
    trials: {
      bringUp: trials.bringUp,
      optionsFor: async () => ({
        state: "empty" as const,
        secrets: {},
        deadline: new Date(),
        progress: silent,
        signal,
      }),
      timeoutMs: 5_000,
      signal,
    },
  };
  const plan = await planBisect(all as DeploymentRange[], wanted, surroundings);
  return { ...trials, plan, find: () => bisect(plan, wanted, surroundings) };
}

/** Fifty releases: the content changes at each, the factor at number 34. */
const fifty = Array.from(
  { length: 50 },
  (_, index): Told => ({
    content: index < 20 ? "a" : `a${index}`,
    factor: index < 33 ? "2" : "3",
    commit: index === 33 ? "c0ffee1" : "b0b0b0b",
  }),
);

/** A check is a process for each answer. */
const four = fifty.slice(31, 35);

describe("menagerie bisect", () => {
  test("finds the release, and the key of its config, by the answer of a release", async () => {
    const answering: Answering = (iris) => ({ body: JSON.stringify({ factor: iris.env.FACTOR }) });
    const { find, raised, state } = await search(fifty, { answerOf: "1" }, answering);
    const report = await find();
    expect(report.change).toMatchObject({
      fault: "came",
      last: { tag: "release-33" },
      first: [{ tag: "release-34" }],
      contrary: [],
    });
    expect(report.parts).toEqual([
      expect.objectContaining({
        kind: "config",
        key: "env.FACTOR",
        from: '"2"',
        to: '"3"',
        needed: true,
        releases: [expect.objectContaining({ commit: "c0ffee1" })],
      }),
    ]);
    // Both ends, halves of 30 contents, and two parts; the first end's trial tells what is expected, too.
    expect(raised.length).toBeLessThanOrEqual(2 + 5 + 2);
    expect(report.restores).toBe(raised.length);
    expect(state.standing).toBe(0);
    expect(describeReport(report)).toContain('menagerie:zoo.iris.env.FACTOR: "2" → "3", commit c0ffee1');
  });

  test("by an answer that is written down, whatever order its keys and spaces have; fields that are ignored do not count", async () => {
    const history = fifty.map((told, index) => ({ ...told, content: "a", factor: index < 33 ? "2" : "3" }));
    const { find } = await search(history, { json: '{"asked": 0, "predictions": ["a",   "2"]}' }, plain);
    const report = await find();
    expect(report.change.first).toMatchObject([{ tag: "release-34" }]);
    expect(report.expected).toContain("predictions");
  });

  test("by a command, which gets the answer and its status", async () => {
    const answering: Answering = (iris) => (iris.env.FACTOR === "3" ? { status: 500, body: "boom" } : { body: "{}" });
    const { find } = await search(
      four,
      { check: 'read -r answer; test "$MENAGERIE_STATUS $answer" != "500 boom"' },
      answering,
    );
    expect((await find()).change).toMatchObject({ fault: "came", first: [{ tag: "release-3" }] });
  });

  test("a fault that went is found as well", async () => {
    const { find } = await search(four, { check: "grep -q '\"3\"'" }, plain);
    const report = await find();
    expect(report.change).toMatchObject({ fault: "went", last: { tag: "release-2" }, first: [{ tag: "release-3" }] });
    expect(describeReport(report)).toContain("the fault went with release-3 (deployment 3)");
  });

  test("a model that ends on the request is faulty, one that does not start is not judged, and the answer may be a range", async () => {
    const answering: Answering = (iris) => {
      const number = Number(contentOf(iris).slice(1));
      if (number > 30 && number < 36) return "does not start";
      return number > 33 ? null : { body: "{}" };
    };
    const { find, state } = await search(fifty, { json: "{}" }, answering);
    const report = await find();
    expect(report.change.first.map(({ tag }) => tag)).toEqual([
      "release-32",
      "release-33",
      "release-34",
      "release-35",
      "release-36",
      "release-37",
    ]);
    expect(report.notJudged.every(({ reason }) => reason.includes("exit code 1"))).toBe(true);
    expect(state.standing).toBe(0);
  });

  test("a commit that files differed from is said to be unknown", async () => {
    const history = [
      { content: "a", factor: "2" },
      { content: "a", factor: "3", commit: "c0ffee1-dirty" },
    ];
    const { find } = await search(history, { json: '{"factor":"2"}' }, (iris) => ({
      body: JSON.stringify({ factor: iris.env.FACTOR }),
    }));
    const report = await find();
    expect(report.parts[0]?.releases[0]).toMatchObject({ commit: null, dirtyCommit: "c0ffee1" });
    expect(describeReport(report)).toContain("commit unknown: files differed from c0ffee1");
  });

  test("keys that a trial does not have are named as not judged", async () => {
    const history = [
      {
        content: "a",
        factor: "2",
        config: { pools: { t4: { replicas: 1 } }, zoo: { iris: { env: { FACTOR: "2" } } } },
      },
      {
        content: "a",
        factor: "3",
        config: { pools: { t4: { replicas: 2 } }, zoo: { iris: { env: { FACTOR: "3" } } } },
      },
    ];
    const { find } = await search(history, { json: '{"factor":"2"}' }, (iris) => ({
      body: JSON.stringify({ factor: iris.env.FACTOR }),
    }));
    expect((await find()).notes).toEqual([expect.stringContaining("menagerie:pools.t4.replicas")]);
  });

  test("killed, it goes on where it was, with a file of the home that only its owner reads", async () => {
    let started = 0;
    const dying: Answering = (iris, request) => {
      if (request.url === "") started += 1;
      if (started === 4) throw new Error("killed");
      return plain(iris, request);
    };
    const expected = { json: '{"predictions": ["a", "2"], "asked": 1}' };
    const rules = { rules: { ignore: ["asked", "predictions[0]"] } };
    const killed = await search(fifty, expected, dying, rules);
    await expect(killed.find()).rejects.toThrow("killed");
    const again = await search(fifty, expected, plain, rules);
    const report = await again.find();
    const whole = await search(fifty, expected, plain, { ...rules, fresh: true });
    expect((await whole.find()).change).toEqual(report.change);
    // What was under way when it was killed is brought up again, and nothing else.
    expect(killed.raised.length + again.raised.length).toBe(whole.raised.length + 1);
    const [file, ...others] = await readdir(join(home, "bisect"));
    expect([file, others]).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.json$/), []]);
    expect((await stat(join(home, "bisect", file ?? ""))).mode & 0o077).toBe(0);
  });
});

describe("refused", () => {
  test("a check that fails itself, by its exit code and last line", async () => {
    const { find, state } = await search(fifty, { check: "echo 'no jq' >&2; exit 127" }, plain);
    await expect(find()).rejects.toThrow("ended with 127: no jq");
    expect(state.standing).toBe(0);
  });

  test("a release whose answers are expected and that does not start", async () => {
    const { find } = await search(fifty, { answerOf: "40" }, (iris) =>
      contentOf(iris) === "a39" ? "does not start" : plain(iris, { url: "", body: "" }),
    );
    await expect(find()).rejects.toThrow("--answer-of release-40 (deployment 40)");
  });

  test("releases in which nothing changed that a trial has", async () => {
    const same = [
      { content: "a", factor: "2" },
      { content: "a", factor: "2" },
    ];
    await expect(search(same, { json: "{}" }, plain)).rejects.toThrow(
      "release-1 (deployment 1) and release-2 (deployment 2) have the same content",
    );
  });

  test("a file of what was answered that is something else", async () => {
    const { plan } = await search(fifty, { json: "{}" }, plain);
    await plan.memory.set("x", { asked: 1, faulty: 0, restores: 1 });
    await writeFile(plan.memory.path, '{"another": 1}');
    await expect(search(fifty, { json: "{}" }, plain)).rejects.toThrow("another JSON");
  });
});
