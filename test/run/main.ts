/**
 * Runs tests, in the order of what they need, and whatever happens ends what they started: `main.ts` all of them, `main.ts
 * unit|integration|local|soak` those, `main.ts bench` measurements; what follows is vitest's, such as a file's path.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beginRun } from "./begin.ts";
import { type Counts, closingLines, countsVariable, sum } from "./counts.ts";

const project = join(import.meta.dirname, "../..");
const kinds = ["unit", "integration", "local", "soak"] as const;
type Kind = (typeof kinds)[number];

const [first, ...rest] = process.argv.slice(2);
const kind = kinds.find((each) => each === first);
const args = counted(kind ? rest : process.argv.slice(2));

/** Vitest's arguments for one part of the tests. */
type Part = readonly string[];
/** Parts that run one after the other, beside other lanes. */
type Lane = readonly Part[];

const shared: Part = ["--project", "shared"];
const own: Part = ["--project", "local"];
const integration: Part = ["--project", "integration"];
const third = (number: 1 | 2 | 3): Part => [...integration, `--shard=${number}/3`];
const parallel: readonly Lane[] =
  // Vitest refuses more shards than files, which a path among the arguments would leave.
  args.length > 0 ? [[shared], [own], [integration]] : [[shared], [own, third(3)], [third(1), third(2)]];

const stagesOf: Record<Kind, readonly (readonly Lane[])[]> = {
  unit: [[[["--project", "unit"]]]],
  integration: [[[integration]]],
  local: [[[shared], [own]]],
  soak: [[[["--project", "soak"]]]],
};
// What needs nothing answers first. Then three at a time, for the end-to-end tests wait most of the time, and the first run on a machine
// builds its tools for minutes.
const stages = kind ? stagesOf[kind] : [...stagesOf.unit, parallel];

/** How long a vitest that was told to stop may take to say what it has found. */
const graceMs = 2_000;

const run = beginRun();
const children = new Set<ReturnType<typeof spawn>>();
let stopped: NodeJS.Signals | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    stopped = signal;
    for (const child of children) {
      child.kill(signal);
      // Vitest waits for the tests that run, which may take minutes; whoever presses Ctrl-C does not.
      setTimeout(() => child.kill("SIGKILL"), graceMs).unref();
    }
  });
}

let code = 0;
if (first === "bench") {
  code = await start([join(project, "test/bench/run.ts"), ...rest], false, run.env);
} else {
  const all: Counts[] = [];
  for (const stage of stages) {
    const lanes = stage.map(async (lane) => {
      for (const part of lane) {
        if (stopped) return;
        const { counts, code: exit } = await vitest(part, stage.length > 1);
        all.push(counts);
        code ||= exit;
      }
    });
    await Promise.all(lanes);
    if (stopped) break;
  }
  const total = sum(all);
  if (code === 0 && total.passed + total.failed + total.skipped === 0) {
    console.error(`no test file matches ${args.join(" ")}`);
    code = 1;
  }
  const left = await run.end();
  for (const command of left) console.error(`a test left this process, which is ended now: ${command.slice(0, 200)}`);
  console.log(`\n${closingLines(total)}`);
}
await run.end();
process.exitCode = stopped ? 128 + constants.signals[stopped] : code;

/** A reporter among the arguments takes the place of those in vitest's configuration, ours among them. */
function counted(given: readonly string[]): readonly string[] {
  const replaced = given.some((arg) => arg === "--reporter" || arg.startsWith("--reporter="));
  return replaced ? [...given, `--reporter=${join(import.meta.dirname, "countingReporter.ts")}`] : given;
}

/** Runs one part of the tests. `besides`: others write to the terminal at the same time. */
async function vitest(part: Part, besides: boolean): Promise<{ code: number; counts: Counts }> {
  const folder = mkdtempSync(join(run.env.TMPDIR ?? "", "counts-"));
  const program = join(project, "node_modules/vitest/vitest.mjs");
  const env = { ...run.env, [countsVariable]: folder };
  const exit = await start([program, "run", ...part, "--passWithNoTests", ...args], besides, env);
  const counts = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Counts);
  // It ended before it could count.
  if (exit !== 0 && !counts.some(({ failed }) => failed > 0))
    counts.push({
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [`vitest run ${part.join(" ")} ended with ${exit} before it could count`],
    });
  return { code: exit, counts: sum(counts) };
}

/** Runs a program to its end; answers its exit code. */
function start(command: readonly string[], besides: boolean, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const color = besides && process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
    const child = spawn(process.execPath, command, {
      cwd: process.cwd(),
      env: { ...env, ...color },
      stdio: ["ignore", besides ? "pipe" : "inherit", besides ? "pipe" : "inherit"],
    });
    children.add(child);
    // Line by line, so that two do not write into each other's.
    if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => console.log(line));
    if (child.stderr) createInterface({ input: child.stderr }).on("line", (line) => console.error(line));
    child.once("error", reject);
    child.once("close", (exit) => {
      children.delete(child);
      resolve(exit ?? 1);
    });
  });
}
