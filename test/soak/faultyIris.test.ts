import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { guardPodLabels } from "../../src/domain/serving/guardService.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { harmedIn } from "../support/judge/harmed.ts";
import { soon as holdsSoon } from "../support/soon.ts";
import { ask, deployPrometheus } from "./prometheusServer.ts";

/**
 * The walk of docs/rollouts.md, `A version that fails`: the commands of the page, one after another, and what they print as the page has it. The
 * new iris fails for a twentieth of the flowers; the requests that it harms are compared with the simulation's.
 */

let shared: SharedEnvironment;
let page: readonly string[];
let from: string;
let load: Load | undefined;
/** Requests that the judge had counted when the new version got 10 %. */
let beforeTen = 0;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
  await shared.succeed("app", "create", "iris", "--owner", "ada@example.com");
  page = sectionOf(await readFile("docs/rollouts.md", "utf8"), "## A version that fails");
  from = (await standing()).versions.find(({ isCurrent }) => isCurrent)?.id ?? "";
});

afterAll(async () => {
  await load?.end();
  await shared?.close();
});

function sectionOf(text: string, heading: string): readonly string[] {
  const lines = text.split("\n");
  const begin = lines.indexOf(heading);
  const length = lines.slice(begin + 1).findIndex((line) => line.startsWith("## "));
  if (begin < 0 || length < 0) throw new Error(`no section ${heading}`);
  return lines.slice(begin, begin + 1 + length);
}

/** What the page says that a command prints: the lines below it. */
function printed(command: string, at = page.indexOf(`$ ${command}`)): readonly string[] {
  if (at < 0) throw new Error(`the page does not have: ${command}`);
  const after = page.slice(at + 1);
  return after.slice(
    0,
    after.findIndex((line) => line.startsWith("$ ") || line.startsWith("```")),
  );
}

/** Without what is of one run: times, hashes, numbers. */
function masked(line: string): string {
  return line
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, "<moment>")
    .replace(/\b[0-9a-f]{12,64}\b/g, "<hash>")
    .replace(/\d[\d,.:]*/g, "#")
    .replace(/\s+/g, " ")
    .trim();
}

/** Runs a command as the page has it; every line below it there is printed, but for what is of one run. `…` stands for others. */
async function asOnPage(command: string, code = 0, at?: number): Promise<void> {
  const [program, ...args] = command
    .replace("npm run up", "npx menagerie up")
    .replace("npx menagerie ", "menagerie ")
    .split(" ");
  if (program !== "menagerie") throw new Error(`${command} is not one of Menagerie's`);
  const result = await shared.home.menagerie(words(args.join(" ")));
  const all = result.stdout + result.stderr;
  expect(result.code, all).toBe(code);
  const found = all.split("\n").map(masked);
  for (const line of printed(command, at)) if (line.trim() !== "…") expect(found).toContain(masked(line));
}

/** As a shell has them. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}

interface Standing {
  readonly phase: string;
  readonly versions: readonly { readonly id: string; readonly number: number; readonly isCurrent: boolean }[];
  readonly traffic: { readonly weight: number } | null;
  readonly takenBack: { readonly reason: string; readonly at: string; readonly doneAt: string | null } | null;
}

async function standing(): Promise<Standing> {
  const [found] = await shared.json<Standing[]>("rollout", "iris", "--json");
  if (!found) throw new Error("iris stands nowhere");
  return found;
}

/** The entry of the model as the page has it, with these lines besides. */
async function declare(...lines: readonly string[]): Promise<void> {
  const entry = [
    "    iris:",
    "      truss: models/iris",
    `      from: "${from}"`,
    "      smoke: [{ input: { inputs: [[5.1, 3.5, 1.4, 0.2]] }, output: { classes: [setosa] } }]",
    "      recording: {}",
    "      judge: {}",
    '      resources: { cpu: "1", memory: 1Gi }',
    ...lines.map((line) => `      ${line}`),
    "",
  ].join("\n");
  await shared.editStack((text) => text.replace(/ {4}iris:\n(?: {6}.*\n)*/, entry));
}

/** The load generator of the page. */
interface Load {
  /** Requests that a version failed, so far as its lines say; not those that took too long on a busy machine. */
  readonly failed: () => number;
  /** After two more of its lines. */
  settled(): Promise<void>;
  end(): Promise<void>;
}

function startLoad(url: string): Load {
  const child = spawn(process.execPath, [join(shared.home.project, "tools/load.mjs"), url, "--rate", "20"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let failed = 0;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (!line.startsWith("all:")) failed += Number(/(\d+) × HTTP 500/.exec(line)?.[1] ?? 0);
  });
  return {
    failed: () => failed,
    async settled() {
      for (let each = 0; each < 2; each += 1) await once(lines, "line");
    },
    async end() {
      const closed = once(child, "close");
      if (child.exitCode === null && child.kill("SIGINT")) await closed;
    },
  };
}

/** Requests of the new version that failed, as the platform counted them. */
async function impacted(): Promise<{ readonly errors: number }> {
  return (await shared.json<{ totals: { errors: number } }>("impact", "--rollout", "iris", "--json")).totals;
}

const soon = (check: () => Promise<void>) => holdsSoon(check, { within: 600_000, every: 1_000 });

interface Rollouts {
  readonly iris: { readonly takenBack?: unknown; readonly versions: readonly { readonly image: string }[] };
}

/** The stack's output. */
async function output(): Promise<Rollouts["iris"]> {
  const { stdout } = await shared.succeed("pulumi", "--", "stack", "output", "rollouts", "--json");
  return (JSON.parse(stdout) as Rollouts).iris;
}

async function counted(): Promise<number> {
  const [iris] = await shared.json<{ judgement: { verdict: { because: string[] } } | null }[]>(
    ...["rollout", "iris", "--json"],
  );
  const all = iris?.judgement?.verdict.because.join(" ") ?? "";
  return Number(/against \d+ of ([\d,]+)/.exec(all)?.[1]?.replaceAll(",", "") ?? 0);
}

test("the new version gets to 10 % of the requests, though its judge has seen too few", async () => {
  const edit = page.find((line) => line.startsWith("$ sed"))?.slice(2) ?? "";
  await promisify(execFile)("bash", ["-c", edit], { cwd: shared.home.project });
  await declare("phase: copy");
  await shared.up();
  await declare("phase: version", "traffic: 1");
  await shared.up();
  const { models } = await shared.json<{ models: { url: string }[] }>("status", "--json");
  load = startLoad(models.find(({ url }) => url.includes("/iris/"))?.url ?? "");
  await soon(async () => expect(await counted()).toBeGreaterThan(100));
  await asOnPage("npx menagerie rollout advance iris", 3);
  beforeTen = await counted();
  await declare("phase: version", "traffic: 10");
  await shared.up();
  const [old, fresh] = (await output()).versions;
  expect(fresh?.image).not.toBe(old?.image);
});

test("it is taken back by itself, and harms as many requests as the simulation says", async () => {
  await soon(async () => expect((await standing()).takenBack?.doneAt).toEqual(expect.any(String)));
  const harmed = (await impacted()).errors;
  const { reason = "" } = (await standing()).takenBack ?? {};
  const judged = Number(/errors ([\d,]+) of/.exec(reason)?.[1]);
  // Two metrics share the risk of the first judgement.
  const steps = [0.01, 0.1].map((weight) => ({ weight, requests: beforeTen }));
  const expected = harmedIn(2_000, { weights: steps, failing: 0.05, metricRisk: 0.0025 });
  console.log(
    `harmed ${harmed}, judged ${judged}, simulated ${[100, 1_000, 1_900].map((at) => expected[at]).join(", ")}`,
  );
  expect(judged).toBeGreaterThanOrEqual(expected[0] ?? 0);
  expect(judged).toBeLessThanOrEqual(expected.at(-1) ?? 0);
  // The last of those that the load generator says are the requests that nobody waits for any more.
  await soon(async () => expect((await standing()).traffic?.weight).toBe(0));
  await load?.settled();
  const before = load?.failed() ?? 0;
  await load?.settled();
  expect(load?.failed()).toBe(before);
});

test("that is what command line, preview, release record, alert and log say", async () => {
  await asOnPage("npx menagerie rollout iris");
  await asOnPage("npx menagerie rollout advance iris", 3, page.lastIndexOf("$ npx menagerie rollout advance iris"));
  await asOnPage("npx menagerie preview");
  await asOnPage("npx menagerie releases");
  await asOnPage("npx menagerie impact --rollout iris");
  const config = shared.kubeConfig();
  const labelSelector = Object.entries(guardPodLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const path = "/api/v1/namespaces/menagerie/pods";
  const { items } = await requestJson<{ items: V1Pod[] }>(config, "GET", path, { query: { labelSelector } });
  const logs = await request(config, "GET", `${path}/${items[0]?.metadata?.name}/log`);
  expect(await logs.text()).toContain('"model":"iris","msg":"taken back, or held"');
  await deployPrometheus(config, environmentLayout("local", shared.home.path), {
    pods: items.map(({ status }) => `${status?.podIP}:8080`),
    rules: "operations/prometheus-rules.yml",
  });
  await soon(async () =>
    expect(await ask(config, 'ALERTS{alertname="RolloutTakenBack", alertstate="firing"}')).toMatchObject([
      {
        metric: {
          model: "iris",
          says: expect.stringMatching(/^taken back at .*; set phase: reverted, or a new content$/),
        },
      },
    ]),
  );
});

test("`up` leaves it as it is and puts it into the outputs; a higher share is refused", async () => {
  await shared.up();
  expect((await standing()).traffic?.weight).toBe(0);
  expect((await output()).takenBack).toMatchObject({ action: "revert" });
  await declare("phase: version", "traffic: 50");
  const refused = await shared.home.menagerie(["preview"]);
  expect(refused.code).not.toBe(0);
  expect((refused.stdout + refused.stderr).replaceAll(/\s+/g, " ")).toContain("taken back at");
});

test("after a false alarm it goes on; `phase: reverted` ends it, and the old version answers everybody", async () => {
  await declare("phase: version", "traffic: 10");
  await asOnPage('npx menagerie rollout resume iris --because "the failures were those of a load test"');
  const at = page.lastIndexOf("$ npx menagerie preview");
  await asOnPage("npx menagerie preview", 0, at);
  await declare("phase: reverted");
  await shared.up();
  expect((await standing()).versions.find(({ isCurrent }) => isCurrent)?.id).toBe(from);
  const before = load?.failed() ?? 0;
  await load?.settled();
  expect(load?.failed()).toBe(before);
});
