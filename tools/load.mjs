#!/usr/bin/env node
// Sends flowers to an iris at a steady rate, as clients do, and says how they were answered:
//
//   node tools/load.mjs URL [--rate 40] [--seconds 600]
//
// docs/rollouts.md walks a faulty version under this load. Without `--seconds` it sends until Ctrl-C.
import { parseArgs } from "node:util";

/** Seconds between two lines. */
const lineEvery = 10;
/** Milliseconds that an answer may take. */
const patience = 30_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rate: { type: "string", default: "40" }, seconds: { type: "string", default: "Infinity" } },
});
const [url] = positionals;
const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
if (!url || !(rate > 0) || !(seconds > 0)) {
  process.stderr.write("usage: node tools/load.mjs URL [--rate REQUESTS A SECOND] [--seconds N]\n");
  process.exit(2);
}

const all = counts();
let lately = counts();
let isOver = false;
process.once("SIGINT", () => {
  isOver = true;
});

/** @returns {{ sent: number, failed: number, as: Map<string, number>, took: number[] }} */
function counts() {
  return { sent: 0, failed: 0, as: new Map(), took: [] };
}

/** One flower, in cm: each length is drawn between the smallest and the largest of the iris data set. */
function flower() {
  const bounds = [
    [4.3, 7.9],
    [2.0, 4.4],
    [1.0, 6.9],
    [0.1, 2.5],
  ];
  return bounds.map(([least = 0, most = 0]) => Number((least + Math.random() * (most - least)).toFixed(2)));
}

async function ask() {
  const began = performance.now();
  const failure = await fetch(/** @type {string} */ (url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [flower()] }),
    signal: AbortSignal.timeout(patience),
  }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok ? undefined : `HTTP ${response.status}`;
    },
    (/** @type {Error} */ error) => error.name,
  );
  for (const each of [all, lately]) {
    each.sent += 1;
    each.took.push(performance.now() - began);
    if (failure === undefined) continue;
    each.failed += 1;
    each.as.set(failure, (each.as.get(failure) ?? 0) + 1);
  }
}

/** @param {ReturnType<typeof counts>} of */
function told({ sent, failed, as, took }) {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  const why = [...as].map(([what, times]) => `${times} × ${what}`).join(", ");
  return `${sent} answered, ${failed} failed${why && ` (${why})`}, median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}

const began = Date.now();
const passed = () => (Date.now() - began) / 1000;
const asked = new Set();
for (let sent = 0, lines = 1; !isOver && passed() < seconds; sent += 1) {
  const one = ask().finally(() => asked.delete(one));
  asked.add(one);
  if (passed() >= lines * lineEvery) {
    console.log(`${new Date().toISOString().slice(11, 19)}  ${told(lately)}`);
    lately = counts();
    lines += 1;
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ((sent + 1) / rate - passed()) * 1000)));
}
await Promise.all(asked);
console.log(`all: ${told(all)}`);
