import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPreview } from "../../src/cli/preview/readPreview.ts";
import { type PreviewStep, shortType } from "../../src/domain/preview/preview.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { releasedCommit } from "../support/releasedStacks.ts";

/**
 * A stack that a released program deployed is taken over by this checkout: its preview deletes and replaces nothing, creates what is named
 * here, and it is refreshed, brought up and destroyed by code that did not make it.
 */

const checkout = join(import.meta.dirname, "../..");
const values = '{"values": ["2"]}';

/** The project as that commit had it, and the environment that it runs. */
let earlier: TestHome;
/** This checkout, on the same environment. */
let today: TestHome;

/** Steps besides updates that the preview may have, each with its reason: what the platform has got since, beside what serves. */
const exceptions: readonly Exception[] = [
  { step: "create SecretValue menagerie_guard", why: "the password of the guard, which takes rollouts back" },
  { step: "create index/role:Role menagerie_guard", why: "its login" },
  { step: "create SecretValue menagerie_console", why: "the password of the console, which shows the platform" },
  { step: "create index/role:Role menagerie_console", why: "its login" },
  {
    step: "create rbac.authorization.k8s.io/v1:Role menagerie-api-pods",
    why: "the API service knows which pods are ready",
  },
  { step: "create rbac.authorization.k8s.io/v1:RoleBinding menagerie-api-pods", why: "the API service has that role" },
];

interface Exception {
  /** As {@link shown} prints it. */
  readonly step: string;
  readonly why: string;
}

/** What users' requests meet: it stays as it is. */
const isServing = ({ type }: PreviewStep): boolean =>
  /:(InferenceService|VirtualService|ModelVersion|ZooMigration)$/.test(type) && !type.startsWith("menagerie:");

/**
 * Whether a route leads every request that it took before to where it led, and only takes paths besides (of the protocols that came
 * later): Envoy reads its rules for each request, so no pod, connection or destination changes.
 */
function onlyTakesMorePaths({ type, before, after }: PreviewStep): boolean {
  if (type !== "kubernetes:networking.istio.io/v1:VirtualService") return false;
  const [earlierRoute, todaysRoute] = [before?.inputs, after?.inputs] as unknown as [Route, Route];
  const aside = ({ spec: { http: _, ...spec }, ...rest }: Route) => ({ ...rest, spec });
  // A rule's name is for people alone.
  const leading = ({ spec }: Route) => spec.http.map(({ name: _, ...rule }) => rule);
  return (
    isDeepStrictEqual(aside(earlierRoute), aside(todaysRoute)) &&
    leading(earlierRoute).every((rule) => leading(todaysRoute).some((other) => isDeepStrictEqual(rule, other)))
  );
}

interface Route {
  readonly spec: { readonly http: readonly { readonly name?: string }[] };
}

function releasedProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-released-"));
  const archive = execFileSync("git", ["archive", releasedCommit], { cwd: checkout, maxBuffer: 2 ** 28 });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
  const lock = (project: string): string => readFileSync(join(project, "package-lock.json"), "utf8");
  if (lock(folder) === lock(checkout)) symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  // Its launcher installs what it needs.
  else execFileSync(process.execPath, ["bin/menagerie.mjs", "--version"], { cwd: folder });
  return folder;
}

async function succeed(home: TestHome, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.menagerie(args);
  if (code !== 0) throw new Error(`menagerie ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

async function edit(home: TestHome, path: string, change: (text: string) => string): Promise<void> {
  const file = join(home.project, path);
  const before = await readFile(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`the edit of ${path} changes nothing`);
  await writeFile(file, after);
}

const stackFile = "Pulumi.local.yaml";
const editStack = (change: (text: string) => string) => edit(earlier, stackFile, change);
const predict = async (): Promise<unknown> => JSON.parse(await succeed(today, "predict", "doubler", "--data", values));

/** Agrees to what it deletes. */
async function agreedUp(): Promise<void> {
  const { code, stdout, stderr } = await today.menagerie(["up"]);
  const [, hash] = /--agreed ([0-9a-f]{8}(?:-[0-9a-f]{8})*)/.exec(stderr) ?? [];
  if (code === 3 && hash !== undefined) await succeed(today, "up", "--agreed", hash);
  else if (code !== 0) throw new Error(stdout + stderr);
}

beforeAll(async () => {
  earlier = await TestHome.create(releasedProject());
  cpSync(join(earlier.project, "models/multiplier"), join(earlier.project, "models/doubler"), { recursive: true });
  await mkdir(join(earlier.project, "state"));
  await writeFile(
    join(earlier.project, "state/chat.sql"),
    "CREATE TABLE note (id bigint PRIMARY KEY, text text NOT NULL);\n",
  );
  const doubler = [
    "    doubler:",
    "      truss: models/doubler",
    "      phase: done",
    "      state: true",
    "      bake: { minutes: 0 }",
    "      resources: { cpu: 200m, memory: 256Mi }",
    '      smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
  ];
  const state = ["  menagerie:state:", "    schemas: state", "    release: r1", "    keep: 2"];
  await editStack(
    (text) =>
      `${text.replace("  menagerie:zoo:\n", (key) => `${key}${doubler.join("\n")}\n`).trimEnd()}\n${state.join("\n")}\n`,
  );
  await succeed(earlier, "up");
  const standings = JSON.parse(await succeed(earlier, "rollout", "--json")) as {
    readonly name: string;
    readonly versions: readonly { readonly id: string }[];
  }[];
  const from = standings.find(({ name }) => name === "doubler")?.versions[0]?.id;
  await edit(earlier, "models/doubler/model/model.py", (text) =>
    text.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'),
  );
  await editStack((text) => text.replace("release: r1", "release: r2"));
  for (const [before, after] of [
    ["phase: done\n      state", `from: "${from}"\n      phase: copy\n      state`],
    ["phase: copy\n", "phase: version\n"],
    ["phase: version\n", "phase: forward\n"],
  ] as const) {
    await editStack((text) => text.replace(before, after));
    await succeed(earlier, "up");
  }
  today = earlier.of(await copyOfCheckout());
  for (const path of [stackFile, "models", "state"]) {
    cpSync(join(earlier.project, path), join(today.project, path), { recursive: true });
  }
  await succeed(earlier, "down");
  await succeed(today, "up", "--no-program");
}, 1_800_000);

afterAll(async () => {
  await today?.dispose();
  await earlier.dispose();
  for (const home of [earlier, today]) if (home) rmSync(home.project, { recursive: true, force: true });
});

const shown = ({ op, type, name, replacedBy }: PreviewStep): string =>
  [op, shortType(type), name, ...(replacedBy.length > 0 ? [`(${replacedBy.join(", ")})`] : [])].join(" ");

/** What `preview --json` says: the steps that change something, and how many resources stay. */
async function preview(): Promise<{ readonly steps: readonly PreviewStep[]; readonly same: number }> {
  const text = await succeed(today, "pulumi", "--", "preview", "--json");
  const { changeSummary } = JSON.parse(text) as { changeSummary: { same?: number } };
  return { steps: readPreview(text).steps, same: changeSummary.same ?? 0 };
}

test("its preview deletes and replaces nothing, and changes nothing that serves", async () => {
  const { steps, same } = await preview();
  expect(same).toBeGreaterThan(100);
  const updated = steps.filter(({ op }) => op === "update");
  const serving = updated.filter((step) => isServing(step) && !onlyTakesMorePaths(step));
  for (const { name, before, after } of serving) console.log(name, JSON.stringify([before?.inputs, after?.inputs]));
  expect(serving.map(shown)).toEqual([]);
  const others = steps.filter(({ op }) => op !== "update" && op !== "same" && op !== "read");
  console.log(steps.map(shown).join("\n"));
  expect(others.map(shown).toSorted()).toEqual(exceptions.map(({ step }) => step).toSorted());
});

test("it is refreshed and brought up, and answers as before", async () => {
  const before = await predict();
  await succeed(today, "pulumi", "--", "refresh", "--yes");
  await succeed(today, "up");
  expect(await predict()).toEqual(before);
  const planned = async () => (await preview()).steps.filter(({ op }) => op !== "same" && op !== "read");
  // Grants leave in the `up` after the one that has declared them once more, as resources that the engine only forgets.
  expect((await planned()).filter((step) => !isForgotten(step)).map(shown)).toEqual([]);
  await agreedUp();
  expect((await planned()).map(shown)).toEqual([]);
});

const isForgotten = ({ op, type, before }: PreviewStep): boolean =>
  op === "delete" && type === "postgresql:index/grant:Grant" && before?.retainOnDelete === true;

test("its rollout goes on, and it is destroyed", async () => {
  for (const [before, after] of [
    ["phase: forward\n", "phase: bake\n"],
    ["phase: bake\n", "phase: done\n"],
  ] as const) {
    await edit(today, stackFile, (text) => text.replace(before, after));
    await agreedUp();
  }
  await succeed(today, "pulumi", "--", "destroy", "--yes", "--skip-preview");
  const { deployment } = JSON.parse(await succeed(today, "pulumi", "--", "stack", "export"));
  expect(deployment.resources ?? []).toEqual([]);
});
