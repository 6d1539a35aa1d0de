import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** One model of a release. */
export interface ReleaseModel {
  /** Its name in the stack's config. */
  readonly name: string;
  /** Number of the model version. */
  readonly version: number;
  /** Content hash of the truss folder; null for a model that is only named, such as one of MLflow's. */
  readonly hash: string | null;
  /** Where the version is registered: `zoo`, or `models:/<name>/<version>` for MLflow. */
  readonly source: string;
}

/** What runs together: one version of the code and one of each model. */
export interface Combination {
  /** `<major>.<minor>.<patch>` */
  readonly code: string;
  readonly models: readonly ReleaseModel[];
}

/** SHA-256 of the combination as 64 hex digits, whatever order its models are in. */
export function combinationDigest({ code, models }: Combination): string {
  const sorted = models
    .map(({ name, version, hash, source }) => [name, version, hash, source] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return textDigest(JSON.stringify([code, sorted]));
}

/** SHA-256 of a text as 64 hex digits. */
export function textDigest(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/** How two combinations differ, in lines such as `iris: 1 → 2`; none when they do not. */
export function describeChanges(before: Combination, after: Combination): string[] {
  const lines = before.code === after.code ? [] : [`code: ${before.code} → ${after.code}`];
  const [old, young] = [before, after].map(({ models }) => new Map(models.map((model) => [model.name, model])));
  for (const name of [...new Set([...(old?.keys() ?? []), ...(young?.keys() ?? [])])].sort()) {
    const [from, to] = [old?.get(name), young?.get(name)];
    if (from && !to) lines.push(`${name}: ${from.version} → gone`);
    else if (to && !from) lines.push(`${name}: new, ${to.version}`);
    else if (from && to && from.version !== to.version) lines.push(`${name}: ${from.version} → ${to.version}`);
    else if (from?.hash !== to?.hash) lines.push(`${name}: another content of version ${to?.version}`);
    else if (from?.source !== to?.source) lines.push(`${name}: from ${to?.source} instead of ${from?.source}`);
  }
  return lines;
}
