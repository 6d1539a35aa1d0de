import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ZooEntrySpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { sampleFolder } from "../domain/samples/folder.ts";

/**
 * SHA-256 of each sample in `samples/<model>/`, of every model whose rollout asks for a proof. Throws one `OperatorError` with a sentence
 * for each model that has none.
 */
export function proofSamples(
  zoo: Readonly<Record<string, Pick<ZooEntrySpec, "proof" | "from">>>,
  project: string,
): Map<string, readonly string[]> {
  const samples = new Map<string, readonly string[]>();
  const issues: Refusal[] = [];
  for (const [name, { proof, from }] of Object.entries(zoo)) {
    if (!proof || from === undefined) continue;
    const hashes = sampleHashes(project, name);
    if (hashes.length > 0) samples.set(name, hashes);
    else issues.push(refusal("proof.no-sample", keyPath(["zoo", name, "proof"]), { name, folder: sampleFolder(name) }));
  }
  if (issues.length > 0) throw refused(issues);
  return samples;
}

/** SHA-256 of each sample that a project keeps of what is recorded under a name; none where it keeps none. */
export function sampleHashes(project: string, recordedAs: string): readonly string[] {
  return sampleFiles(join(project, sampleFolder(recordedAs))).map((file) => sampleHash(readFileSync(file)));
}

/** Every file of a folder and below, but those whose names begin with a dot; none where it is not there. */
function sampleFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** SHA-256 of a sample's file. */
export function sampleHash(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
