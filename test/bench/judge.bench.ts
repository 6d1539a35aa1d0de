/**
 * What one more row costs the judge, after 1,000 rows and after 100,000: the fold with its decision, for errors alone and for all four
 * metrics, and the state as JSON, which a cursor's transaction writes. Beside it what one would use instead in Python: Wilson's interval of both
 * versions' failures at each look, by formula and by SciPy, and `confseq`, where that can be imported (its wheel is built with Boost's headers).
 *
 *   MENAGERIE_BENCH_ROWS    numbers of rows (default 1000,100000)
 *   MENAGERIE_BENCH_PYTHON  a Python with scipy, perhaps with confseq (default: one that has scipy is made)
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../src/adapters/truss/requirementLayer.ts";
import { beginJudgement, foldRow } from "../../src/domain/judgement/judgement.ts";
import type { RoutedRow, SideCounts } from "../../src/domain/judgement/rows.ts";
import type { JudgeSettings } from "../../src/domain/judgement/settings.ts";
import { verdictOf } from "../../src/domain/judgement/verdict.ts";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { binomial, randomOf } from "../support/judge/random.ts";
import { median } from "./measures.ts";

const points = (process.env.MENAGERIE_BENCH_ROWS ?? "1000,100000").split(",").map(Number);
/** Rows before each point that are timed. */
const looks = 500;
const weight = 0.1;
const requestsARow = 20;

const errorsAlone: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, minRequests: 100, control: 5 };
const allMetrics: JudgeSettings = { ...errorsAlone, maxMismatch: 0.02, maxLatencyRatio: { p50: 1.5, p95: 2 } };

/** Equal versions, so that nothing is ever decided: 0.5 % of the requests fail, durations are in a histogram of five classes. */
function rows(): RoutedRow[] {
  const random = randomOf(1);
  const side = (requests: number): SideCounts => {
    const counts = [0.1, 0.4, 0.3, 0.15, 0.05].map((share) => binomial(random, requests, share));
    const timed = counts.map((count, place) => ({ atLeast: 20 * 2 ** place, atMost: 40 * 2 ** place, count }));
    return { requests, failed: binomial(random, requests, 0.005), timed: timed.filter(({ count }) => count > 0) };
  };
  return Array.from({ length: Math.max(...points) }, (_, second): RoutedRow => {
    const ofNew = binomial(random, requestsARow, weight);
    return { kind: "routed", second, path: "route", weight, new: side(ofNew), old: side(requestsARow - ofNew) };
  });
}

type Took = Readonly<Record<string, number>>;

/** Microseconds of one row at each point, in the median, with what is asked of the state after it. */
function ours(
  all: readonly RoutedRow[],
  settings: JudgeSettings,
  after: (state: ReturnType<typeof beginJudgement>) => unknown,
): Took {
  let state = beginJudgement(settings.risk);
  const found = new Map<number, number[]>();
  for (const [place, row] of all.entries()) {
    const started = performance.now();
    state = foldRow(state, row, settings);
    const point = points.find((each) => each - looks <= place && place < each);
    if (point === undefined) continue;
    after(state);
    found.set(point, [...(found.get(point) ?? []), (performance.now() - started) * 1_000]);
  }
  if (state.decided) throw new Error(`equal versions were decided: ${state.decided.because.join("; ")}`);
  return Object.fromEntries([...found].map(([point, times]) => [point, median(times)]));
}

async function pythonWithScipy(): Promise<string> {
  const given = process.env.MENAGERIE_BENCH_PYTHON;
  if (given) return given;
  const options = { cache: menagerieCache(), progress: silent, signal: AbortSignal.timeout(590_000) };
  const layers = await ensurePythonLayers(options);
  const request = { name: "scipy", pythonVersion: layers.python.version, requirements: ["scipy==1.15.3"] };
  return join((await ensureRequirementLayer(layers, request, options)).folder, "bin", "python");
}

function theirs(python: string, all: readonly RoutedRow[]): Readonly<Record<string, Took | null>> {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-bench-judge-"));
  try {
    const file = join(folder, "rows.jsonl");
    const line = (row: RoutedRow) =>
      JSON.stringify([row.new.failed, row.new.requests, row.old.failed, row.old.requests]);
    writeFileSync(file, all.map(line).join("\n"));
    const args = [join(import.meta.dirname, "judge", "script.py"), file, JSON.stringify(points), String(looks)];
    const child = spawnSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    if (child.status !== 0) throw new Error(`the script ended with ${child.status}`);
    return JSON.parse(child.stdout) as Record<string, Took | null>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const all = rows();
const own: Readonly<Record<string, Took>> = {
  "fold of a row, errors": ours(all, errorsAlone, () => undefined),
  "fold of a row, four metrics": ours(all, allMetrics, () => undefined),
  "the same, verdict in words, state as JSON": ours(all, allMetrics, (state) => [
    verdictOf(state, allMetrics),
    JSON.stringify(state),
  ]),
};
const others = theirs(await pythonWithScipy(), all);
const base = own["fold of a row, errors"] ?? {};
const tell = (name: string, took: Took): void => {
  const cells = points.map((point) => `${(took[point] ?? Number.NaN).toFixed(0)} µs`.padStart(9));
  const last = points.at(-1) ?? 0;
  const ratio = `${((took[last] ?? Number.NaN) / (base[last] ?? Number.NaN)).toFixed(2)} ×`;
  console.log(`${name.padEnd(44)}${cells.join("")}${ratio.padStart(10)}`);
};
console.log(
  `${"".padEnd(44)}${points.map((point) => `row ${point}`.padStart(9)).join("")}${"of ours".padStart(10)}  (load ${loadavg()[0]?.toFixed(0)})`,
);
for (const [name, took] of Object.entries(own)) tell(name, took);
for (const [name, took] of Object.entries(others)) {
  if (took) tell(name, took);
  else console.log(`${name.padEnd(44)} is not installed`);
}
