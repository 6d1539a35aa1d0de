import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { ClientBase } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { actAs } from "../../../../src/adapters/postgres/transaction.ts";
import { recordEvidence } from "../../../../src/adapters/postgres/zoo/gateEvidence.ts";
import { recordPhase } from "../../../../src/adapters/postgres/zoo/rollouts.ts";
import { readRolloutTraffic, setTraffic } from "../../../../src/adapters/postgres/zoo/traffic.ts";
import { run } from "../../../../src/cli/program.ts";
import type { StackFile } from "../../../../src/cli/releases/stackFile.ts";
import { type AdvancePorts, type AdvanceRequest, advance } from "../../../../src/cli/rollout/advance.ts";
import { deployMerged, type MergedFile } from "../../../../src/cli/rollout/merged.ts";
import { editStackText } from "../../../../src/config/editStackFile.ts";
import { ownConfig } from "../../../../src/config/ownConfig.ts";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import type { JudgeSettings } from "../../../../src/domain/judgement/settings.ts";
import type { Judgement } from "../../../../src/domain/judgement/state.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { configEdits } from "../../../../src/domain/release/restore.ts";
import { describeEntryEdits } from "../../../../src/domain/zoo/advance.ts";
import { mergedStep } from "../../../../src/domain/zoo/mergedStep.ts";
import { type FakeGithub, startGithub } from "../../../support/fakeGithub.ts";
import { commitAll, gitIn } from "../../../support/gitRepository.ts";
import { irisServing } from "../../../support/irisServing.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** `menagerie rollout advance` on a real PostgreSQL with the operator's rights; the engine is played: it records what the file says. */

const settings: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, minRequests: 100, control: 5 };
const { signal } = new AbortController();

let postgres: TestPostgres;
let folder: string;
let path: string;
/** Each test has a model and a stack of its own. */
let model: string;
let made = 0;
let old: string;
let state: Judgement;
/** What other changes a preview holds, and how often the engine ran. */
let pending: string[];
let runs: string[];
/** Thrown at this point of a run, as if it were killed there. */
let killedAt: "pending" | "write" | "up" | "after up" | undefined;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  folder = await mkdtemp(join(tmpdir(), "menagerie-advance-"));
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

const as = <T>(role: string, work: (client: ClientBase) => Promise<T>): Promise<T> =>
  withClient(postgres.server, platformDatabase, async (client) => {
    await actAs(client, role);
    return work(client);
  });
const deployer = <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => as(roles.deployer, work);

beforeEach(async () => {
  made += 1;
  model = `model-${made}`;
  path = join(folder, `Pulumi.${model}.yaml`);
  [pending, runs, killedAt] = [[], [], undefined];
  old = await register(1, "a", true);
  await writeFile(
    path,
    `config:
  # What is rolled out.
  menagerie:zoo:
    ${model}: { truss: models/iris, phase: copy, from: "${old}", judge: {} } # in one line
    other: { truss: models/other, phase: done }
`,
  );
  await register(1, "b", false, `${model}_copy`);
  await record();
  await register(2, "b", false);
  await deployer((client) =>
    recordEvidence(client, { model, hash: "b", kind: "smoke", suite: "s", passed: true, evidence: { answers: 1 } }),
  );
  state = beginJudgement(settings.risk);
});

const register = (number: number, hash: string, current: boolean, of = model): Promise<string> =>
  deployer((client) =>
    registerVersion(client, {
      model: of,
      organization: "admin",
      number,
      hash,
      current,
      url: "registry/m",
      digest: `sha256:${"d".repeat(64)}`,
      serving: irisServing,
    }),
  );

async function entry(): Promise<Record<string, unknown>> {
  const { zoo } = ownConfig(await readFile(path, "utf8"), path) as { zoo: Record<string, Record<string, unknown>> };
  return zoo[model] ?? {};
}

/** What `up` does with the model's line. */
async function record(): Promise<void> {
  const { phase, traffic } = await entry();
  await deployer(async (client) => {
    await recordPhase(client, {
      model,
      organization: "admin",
      from: old,
      hash: "b",
      bakeSeconds: 0,
      phase: phase as "copy",
      gates: [{ kind: "smoke", suite: "s" }],
    });
    if (phase === "copy" || phase === "done" || phase === "reverted") return;
    const held = await readRolloutTraffic(client, model);
    await setTraffic(client, { model, expected: held?.generation, weight: Number(traffic ?? 100), by: "up" });
  });
}

/** So many requests on each side, which the judge counts. */
async function requests(count: number, newFailed = 0): Promise<void> {
  const side = (failed: number) => ({ requests: count, failed, timed: [] });
  state = foldRow(
    state,
    { kind: "routed", second: 0, path: "route", weight: 0.5, new: side(newFailed), old: side(0) },
    settings,
  );
  // Judges alone may write it.
  await withClient(postgres.server, platformDatabase, (client) =>
    client.query(
      `INSERT INTO menagerie.judgement AS j (model_id, from_version_id, to_version_id, truss_hash, settings, begun_at, cursor, state)
       SELECT id, $2, $2, 'b', $3, now(), '{}', $4 FROM menagerie.model WHERE name = $1
       ON CONFLICT (model_id) WHERE ended_at IS NULL DO UPDATE SET state = $4`,
      [model, old, settings, state],
    ),
  );
}

function kill(point: typeof killedAt): void {
  if (killedAt !== point) return;
  killedAt = undefined;
  throw new Error(`killed at ${point}`);
}

async function readStackFile(): Promise<StackFile> {
  const text = await readFile(path, "utf8");
  const config = ownConfig(text, path);
  return {
    path,
    config,
    effective: config,
    overruled: () => [],
    async write(wanted) {
      kill("write");
      const edits = configEdits(config, wanted);
      await writeFile(`${path}.new`, editStackText(text, edits));
      await rename(`${path}.new`, path);
      return edits;
    },
  };
}

const advanced = (more: Partial<AdvanceRequest> = {}, ports: Partial<AdvancePorts> = {}): Promise<string[]> =>
  as(roles.operator, async (client) => {
    const steps = await advance(
      { stack: model, model, wait: false, signal, ...more },
      {
        client,
        readFile: readStackFile,
        look: () => {},
        note: () => {},
        lookEvery: 20,
        run: {
          async pending() {
            kill("pending");
            return pending;
          },
          async up() {
            kill("up");
            await record();
            const { phase, traffic, share } = await entry();
            runs.push([phase, traffic, share].filter((each) => each !== undefined).join(" "));
            kill("after up");
            return 0;
          },
        },
        ...ports,
      },
    );
    return steps.map(({ edits }) => describeEntryEdits(edits));
  });

const outcomes = async (): Promise<(string | null)[]> => {
  const { rows } = await as(roles.operator, (client) =>
    client.query<{ outcome: string | null }>(
      "SELECT outcome FROM menagerie.rollout_advance WHERE stack = $1 ORDER BY id",
      [model],
    ),
  );
  return rows.map(({ outcome }) => outcome);
};

describe("an advance", () => {
  it("goes a step at a time from the copy to done, each after new requests, and edits nothing but its keys", async () => {
    const before = await readFile(path, "utf8");
    const steps: string[] = [];
    steps.push(...(await advanced()));
    expect(await readFile(path, "utf8")).toBe(
      before.replace("phase: copy", "phase: version").replace("judge: {} }", "judge: {}, traffic: 1 }"),
    );
    for (let step = 0; step < 9; step += 1) {
      await expect(advanced()).rejects.toMatchObject({
        exitCode: 3,
        message: expect.stringMatching(/does not go on to/),
      });
      await requests(3_000);
      steps.push(...(await advanced()));
    }
    expect(steps).toEqual([
      "phase: copy → version, traffic: 1",
      "traffic: 1 → 10",
      "traffic: 10 → 50",
      "traffic: 50 → 100",
      "phase: version → forward, share: 1",
      "share: 1 → 10",
      "share: 10 → 50",
      "share: 50 → 100",
      "phase: forward → bake",
      "phase: bake → done",
    ]);
    expect(runs).toHaveLength(10);
    expect(new Set(await outcomes())).toEqual(new Set(["deployed"]));
    await expect(advanced()).rejects.toThrow(`no rollout of ${model} is under way: it is in phase done`);
  });

  it("waits for evidence until the phase that was named, and no longer than it may", async () => {
    await advanced();
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) await requests(3_000);
    })();
    expect(await advanced({ to: "forward", wait: true })).toEqual([
      "traffic: 1 → 10",
      "traffic: 10 → 50",
      "traffic: 50 → 100",
      "phase: version → forward, share: 1",
    ]);
    isOver = true;
    await traffic;
    expect(await advanced({ to: "forward" })).toEqual([]);
    // What came after the last step may be enough for one more.
    const rest = advanced({ to: "done", wait: true, within: { milliseconds: 300, text: "300ms" } });
    await expect(rest).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/within 300ms: since the last step/),
    });
  });

  it("changes nothing where the preview holds anything else", async () => {
    const before = await readFile(path, "utf8");
    pending = ["core/v1:Secret login", "zoo:ModelZooEntry other"];
    await expect(advanced()).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining("other changes: core/v1:Secret login, zoo:ModelZooEntry other"),
    });
    expect([await readFile(path, "utf8"), runs, await outcomes()]).toEqual([before, [], []]);
  });

  it("changes nothing where somebody edits the file while the preview runs", async () => {
    const run = {
      pending: async () => {
        await writeFile(path, (await readFile(path, "utf8")).replace("phase: done", "phase: off"));
        return [];
      },
      up: async () => 0,
    };
    await expect(advanced({}, { run })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/was edited/),
    });
    expect(await outcomes()).toEqual([]);
  });

  it.each(["pending", "write", "up", "after up"] as const)(
    "killed at %s, goes on where it was, once",
    async (point) => {
      killedAt = point;
      await expect(advanced()).rejects.toThrow(`killed at ${point}`);
      expect(await advanced()).toEqual(["phase: copy → version, traffic: 1"]);
      expect(await entry()).toMatchObject({ phase: "version", traffic: 1 });
      expect(new Set(runs)).toEqual(new Set(["version 1"]));
      expect((await outcomes()).filter((outcome) => outcome !== "given up")).toEqual(["deployed"]);
      const traffic = await deployer((client) => readRolloutTraffic(client, model));
      expect(traffic).toMatchObject({ generation: 1, weight: 1 });
    },
  );

  it("puts the file back where the version became bad before the step was deployed", async () => {
    await advanced();
    await requests(3_000);
    killedAt = "up";
    await expect(advanced()).rejects.toThrow("killed at up");
    expect(await entry()).toMatchObject({ traffic: 10 });
    await requests(3_000, 1_500);
    await expect(advanced()).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/the judge says bad: errors/),
    });
    expect(await entry()).toMatchObject({ traffic: 1 });
    expect(await outcomes()).toEqual(["deployed", "given up"]);
    expect(runs).toEqual(["version 1"]);
  });

  it("is one at a time in an environment, and says which", async () => {
    let second: Promise<unknown> | undefined;
    const first = await advanced(
      {},
      {
        before: async () => {
          second = advanced().catch((error: Error) => error.message);
          await second;
        },
      },
    );
    expect(await second).toContain(`another advance of ${model} is under way`);
    expect(first).toEqual(["phase: copy → version, traffic: 1"]);
  });

  it("of another model waits for a step that was interrupted", async () => {
    killedAt = "up";
    await expect(advanced()).rejects.toThrow();
    await expect(advanced({ model: "other" })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(`the advance of ${model} to phase: copy → version, traffic: 1 was interrupted`),
    });
  });

  it("hands the step on where it is proposed, and deploys nothing", async () => {
    const proposed: string[] = [];
    await advanced({}, { propose: async (edits) => void proposed.push(describeEntryEdits(edits)) });
    expect([proposed, runs, await outcomes()]).toEqual([["phase: copy → version, traffic: 1"], [], []]);
  });
});

/** A `pulumi` whose preview has these steps, before the file has the step's edit and with it, and that notes what it is asked. */
async function withPulumi(steps: readonly object[], withEdit = steps): Promise<string> {
  const bin = join(folder, `bin-${model}`);
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin);
  const asked = join(bin, "asked.txt");
  const script = `#!/bin/sh
echo "$1" >> ${asked}
case "$1" in
  stack) echo '{"deployment": {"resources": []}}' ;;
  preview)
    if grep -q "traffic: " ${path}; then echo '${JSON.stringify({ steps: withEdit })}'
    else echo '${JSON.stringify({ steps })}'; fi ;;
  up) grep -o "traffic: [0-9]*" ${path} >> ${asked} ;;
esac
`;
  await writeFile(join(bin, "pulumi"), script);
  await chmod(join(bin, "pulumi"), 0o755);
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH}`);
  vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", path);
  vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
  return asked;
}

/** Exit code, standard output, standard error. */
async function menagerie(...argv: string[]) {
  const [out, err]: string[][] = [[], []];
  vi.spyOn(console, "log").mockImplementation((line: string) => void out?.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void err?.push(line));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean(err?.push(String(text))));
  try {
    const code = await run(argv);
    return { code, out: (out ?? []).join("\n"), err: (err ?? []).join("\n") };
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
}

/** The update of the model's own entry, as a preview has it. */
const entryStep = () => {
  const urn = `urn:pulumi:prod::menagerie::menagerie:zoo:ModelZooEntry::${model}`;
  const state = {
    inputs: {},
    outputs: {},
    parent: "urn:pulumi:prod::menagerie::pulumi:pulumi:Stack::menagerie-prod",
  };
  return { op: "update", urn, oldState: state, newState: state };
};

describe("menagerie rollout advance", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("runs a stack of the user's own engine by the file with the step, and answers in JSON", async () => {
    const asked = await withPulumi([{ op: "same", urn: "urn:pulumi:prod::menagerie::any::one" }], [entryStep()]);
    const { code, out, err } = await menagerie("rollout", "advance", model, "-s", model, "--json");
    expect([code, err]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(out)).toMatchObject({
      model,
      steps: [
        {
          edits: [
            { key: "phase", from: "copy", to: "version" },
            { key: "traffic", to: 1 },
          ],
        },
      ],
    });
    const lines = (await readFile(asked, "utf8")).trim().split("\n");
    expect(lines.filter((line) => line !== "stack")).toEqual(["preview", "preview", "up", "traffic: 1"]);
    expect(await outcomes()).toEqual(["deployed"]);
  });

  it("deploys the step's own plan alone: where anything else came meanwhile, the file is as it was and nothing runs", async () => {
    const entryOf = (name: string) => `urn:pulumi:prod::menagerie::menagerie:zoo:ModelZooEntry::${name}`;
    const state = (parent: string) => ({ inputs: {}, outputs: {}, parent });
    const update = (urn: string, parent: string) => {
      const of = state(parent);
      return { op: "update", urn, oldState: of, newState: of };
    };
    const stack = "urn:pulumi:prod::menagerie::pulumi:pulumi:Stack::menagerie-prod";
    const settings = "urn:pulumi:prod::menagerie::menagerie:zoo:DynamicSettings::dynamic-settings";
    const child = (parent: string, name: string) =>
      `${parent.replace(/::[^:]+$/, "")}$kubernetes:core/v1:Secret::${name}`;
    const own = [
      update(entryOf(model), stack),
      update(child(entryOf(model), "own"), entryOf(model)),
      update(settings, stack),
      update(child(settings, "settings"), settings),
    ];
    const others = [update(entryOf("other"), stack), update(child(entryOf("other"), "login"), entryOf("other"))];
    const asked = await withPulumi([], [...own, ...others]);
    const { code, err } = await menagerie("rollout", "advance", model, "-s", model);
    expect([code, err]).toEqual([
      3,
      expect.stringContaining("holds other changes: zoo:ModelZooEntry other, core/v1:Secret login; run `up` first"),
    ]);
    expect(
      (await readFile(asked, "utf8"))
        .trim()
        .split("\n")
        .filter((line) => line !== "stack"),
    ).toEqual(["preview", "preview"]);
    expect(await entry()).toMatchObject({ phase: "copy" });
    expect(await entry()).not.toHaveProperty("traffic");
    expect(await outcomes()).toEqual(["given up"]);
    await withPulumi([], own);
    expect((await menagerie("rollout", "advance", model, "-s", model)).code).toBe(0);
    expect(await outcomes()).toEqual(["given up", "deployed"]);
  });

  it("ends with 3, and names what else the preview holds", async () => {
    const state = { inputs: {}, outputs: {} };
    const step = {
      op: "update",
      urn: "urn:pulumi:prod::menagerie::kubernetes:core/v1:Secret::login",
      oldState: state,
      newState: state,
    };
    await withPulumi([step]);
    const { code, err } = await menagerie("rollout", "advance", model, "-s", model);
    expect([code, err]).toEqual([
      3,
      expect.stringContaining("holds other changes: core/v1:Secret login; run `up` first"),
    ]);
    expect(await entry()).toMatchObject({ phase: "copy" });
  });
});

describe("in a repository", () => {
  let repository: string;
  let github: FakeGithub;
  const remote = (...args: string[]) => gitIn(folder, `--git-dir=${model}.git`, ...args);
  beforeEach(async () => {
    repository = join(folder, `repository-${model}`);
    await gitIn(folder, "init", "--quiet", "--bare", "-b", "main", `${model}.git`);
    await gitIn(folder, "clone", "--quiet", `${model}.git`, repository);
    await gitIn(repository, "checkout", "--quiet", "-b", "main");
    await rename(path, join(repository, `Pulumi.${model}.yaml`));
    path = join(repository, `Pulumi.${model}.yaml`);
    await commitAll(repository);
    await gitIn(repository, "push", "--quiet", "-u", "origin", "main");
    github = await startGithub();
    await withPulumi([], [entryStep()]);
    for (const who of ["AUTHOR", "COMMITTER"]) {
      vi.stubEnv(`GIT_${who}_NAME`, "ada");
      vi.stubEnv(`GIT_${who}_EMAIL`, "ada@example.com");
    }
    for (const [name, value] of Object.entries(github.env)) vi.stubEnv(name, value);
  });

  afterEach(() => {
    github.close();
    vi.unstubAllEnvs();
  });

  it("menagerie rollout merged deploys nothing where no step was merged", async () => {
    await writeFile(join(repository, "README.md"), "hello");
    await commitAll(repository);
    expect(await menagerie("rollout", "merged", "-s", model, "--since", "HEAD~1")).toMatchObject({
      code: 0,
      out: "no step of a rollout was merged, so nothing is deployed",
    });
  });

  it("menagerie rollout merged deploys the step by which the file differs from an earlier commit", async () => {
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace("phase: copy,", "phase: version, traffic: 1,"));
    await commitAll(repository);
    const { code, out, err } = await menagerie("rollout", "merged", "-s", model, "--since", "HEAD~1", "--json");
    expect([code, err]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(out)).toMatchObject({ deployed: true, step: { model } });
    expect(await entry()).toMatchObject({ phase: "version", traffic: 1 });
    expect(await outcomes()).toEqual(["deployed"]);
  });

  it("--commit opens a pull request with the next step, and deploys nothing", async () => {
    const { code, out } = await menagerie("rollout", "advance", model, "-s", model, "--commit");
    expect([code, out]).toEqual([
      0,
      `${model}: phase: copy → version, traffic: 1 is proposed: https://github.example/acme/models/pull/1`,
    ]);
    expect(github.pulls).toMatchObject([{ base: "main", state: "open" }]);
    expect(await remote("show", `${github.pulls[0]?.head}:Pulumi.${model}.yaml`)).toContain("traffic: 1");
    expect(await entry()).toMatchObject({ phase: "copy" });
    expect(await outcomes()).toEqual([]);
  });

  it("--push commits and pushes the step that it deployed, with the trailer that workflows leave alone", async () => {
    expect((await menagerie("rollout", "advance", model, "-s", model, "--push")).code).toBe(0);
    expect(await remote("log", "-1", "--format=%B", "main")).toContain(`Menagerie-Deployed: ${model}`);
    expect(await remote("show", `main:Pulumi.${model}.yaml`)).toContain("traffic: 1");
    expect(await outcomes()).toEqual(["deployed"]);
  });

  it("--push needs a clean branch, and --commit goes with it not at all", async () => {
    await writeFile(path, `${await readFile(path, "utf8")}# edited\n`);
    const unclean = await menagerie("rollout", "advance", model, "-s", model, "--push");
    expect(unclean).toMatchObject({ code: 2, err: expect.stringContaining("tracked files are changed") });
    expect((await menagerie("rollout", "advance", model, "-s", model, "--push", "--commit")).code).toBe(2);
    expect(await entry()).toMatchObject({ phase: "copy" });
    expect(await outcomes()).toEqual([]);
  });
});

describe("a step that somebody merged", () => {
  /** The file as it is, and as the merge makes it. */
  async function merge(change: (text: string) => string): Promise<MergedFile> {
    const before = await readFile(path, "utf8");
    const after = change(before);
    await writeFile(path, after);
    const step = mergedStep(ownConfig(before, path), ownConfig(after, path));
    if (!step) throw new Error("no step was merged");
    return { path, before, after, step };
  }
  /** What the engine has deployed last. */
  let deployed: Awaited<ReturnType<typeof entry>>;
  const deploy = (merged: MergedFile, other: readonly string[] = []): Promise<string | undefined> =>
    as(roles.operator, async (client) => {
      const run = {
        async pending() {
          const isDeployed = isDeepStrictEqual(await entry(), deployed);
          return isDeployed ? other : ["zoo:ModelZooEntry", ...other];
        },
        async up() {
          kill("up");
          await record();
          deployed = await entry();
          runs.push(String((await entry()).phase));
          return 0;
        },
      };
      const ports = { client, readFile: readStackFile, look: () => {}, note: () => {}, run };
      const step = await deployMerged({ stack: model, signal }, ports, merged);
      return step && describeEntryEdits(step.edits);
    });
  const toVersion = () => merge((text) => text.replace("phase: copy", "phase: version, traffic: 1 # merged\n     "));
  const toTen = () => merge((text) => text.replace("traffic: 1", "traffic: 10"));

  beforeEach(async () => {
    deployed = await entry();
  });

  it("is deployed where an advance would take it, once, and the file stays as it was merged", async () => {
    const first = await toVersion();
    expect(await deploy(first)).toBe("phase: copy → version, traffic: 1");
    expect(await readFile(path, "utf8")).toBe(first.after);
    expect(await deploy(first)).toBeUndefined();
    const second = await toTen();
    await expect(deploy(second)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/does not go on to/),
    });
    expect(await readFile(path, "utf8")).toBe(second.after);
    await requests(3_000);
    expect(await deploy(second)).toBe("traffic: 1 → 10");
    expect(runs).toEqual(["version", "version"]);
    expect(await outcomes()).toEqual(["deployed", "deployed"]);
  });

  it("is not deployed where it goes too far, or the preview holds anything else", async () => {
    await deploy(await toVersion());
    await requests(3_000);
    const far = await merge((text) => text.replace("traffic: 1", "traffic: 100"));
    await expect(deploy(far)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/traffic: 1 → 100 of .* the next step is traffic: 1 → 10;/),
    });
    await writeFile(path, far.before);
    const ten = await toTen();
    await expect(deploy(ten, ["core/v1:Secret login"])).rejects.toThrow("other changes: core/v1:Secret login");
    expect(await readFile(path, "utf8")).toBe(ten.after);
    expect(runs).toEqual(["version"]);
  });

  it("that takes the rollout back needs no evidence", async () => {
    await deploy(await toVersion());
    await requests(3_000, 1_500);
    await expect(deploy(await toTen())).rejects.toThrow(/the judge says bad/);
    await merge((text) => text.replace("traffic: 10", "traffic: 1"));
    const back = await merge((text) => text.replace("phase: version", "phase: reverted"));
    expect(await deploy(back)).toBe("phase: version → reverted");
    expect(runs).toEqual(["version", "reverted"]);
  });

  it("goes on where its deployment was killed", async () => {
    const first = await toVersion();
    killedAt = "up";
    await expect(deploy(first)).rejects.toThrow("killed at up");
    expect(await deploy(first)).toBe("phase: copy → version, traffic: 1");
    expect(await outcomes()).toEqual(["deployed"]);
  });
});
