import { count, duration } from "../../shadow/readable.ts";
import type { ModelProof, ProofResult, ProofRevision } from "../result.ts";
import { verdictNames } from "../verdict.ts";

/** The whole proof in a sentence. */
export function proofHeadline({ models }: Pick<ProofResult, "models">): string {
  if (models.length === 0) return "No model differs between the two revisions.";
  const byVerdict = new Map<string, string[]>();
  for (const { name, verdict } of models) {
    byVerdict.set(verdictNames[verdict], [...(byVerdict.get(verdictNames[verdict]) ?? []), name]);
  }
  const parts = [...byVerdict].map(([verdict, names]) => `${names.join(", ")}: ${verdict}`);
  return `${parts.join("; ")}.`;
}

/** What changed in a model, such as `content a1b2c3d4e5f6 → 0f1e2d3c4b5a, memory 1Gi → 2Gi`. */
export function changeText({ changes, old, new: fresh }: Pick<ModelProof, "changes" | "old" | "new">): string {
  const parts: string[] = [];
  if (changes.includes("content")) parts.push(`content ${old.hash.slice(0, 12)} → ${fresh.hash.slice(0, 12)}`);
  if (changes.includes("environment")) parts.push("environment variables");
  if (changes.includes("resources")) parts.push(...resourceChanges({ old, new: fresh }));
  return parts.join(", ");
}

function resourceChanges({ old, new: fresh }: Pick<ModelProof, "old" | "new">): string[] {
  const units = { cpu: "CPU", memory: "memory", gpus: "GPUs" } as const;
  return (["cpu", "memory", "gpus"] as const)
    .filter((key) => old.resources[key] !== fresh.resources[key])
    .map((key) => `${units[key]} ${old.resources[key]} → ${fresh.resources[key]}`);
}

/** A measure of both sides: what it is, old, new. */
export type Measure = readonly [name: string, old: string, fresh: string];

/** Start, latency and what one pod gets, old beside new. */
export function measures({ old, new: fresh }: Pick<ModelProof, "old" | "new">): readonly Measure[] {
  return [
    ["start", duration(old.startedInMs), duration(fresh.startedInMs)],
    ["latency p50", duration(old.latency.p50), duration(fresh.latency.p50)],
    ["latency p95", duration(old.latency.p95), duration(fresh.latency.p95)],
    ["CPU", old.resources.cpu, fresh.resources.cpu],
    ["memory", old.resources.memory, fresh.resources.memory],
    ["GPUs", count(old.resources.gpus), count(fresh.resources.gpus)],
    ...(old.restarts + fresh.restarts > 0
      ? [["process ended", times(old.restarts), times(fresh.restarts)] as const]
      : []),
  ];
}

function times(restarts: number): string {
  return restarts === 1 ? "once" : `${count(restarts)} times`;
}

/** A revision as people name it: `main (1a2b3c4d5e6f)`, `the work tree`. */
export function revisionText({ revision, commit }: ProofRevision): string {
  if (revision === null) return "the work tree";
  return commit === null || commit.startsWith(revision)
    ? revision.slice(0, 12)
    : `${revision} (${commit.slice(0, 12)})`;
}

/** A value of an answer in a line. */
export function valueText(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
