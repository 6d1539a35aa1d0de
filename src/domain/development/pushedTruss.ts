import { badInput } from "../errors.ts";
import { parseTrussConfig, type TrussConfig } from "../truss/config.ts";
import { hashSnapshot } from "../truss/hash.ts";
import { ignorePatternsOf } from "../truss/ignore.ts";
import { configText, signatureOf, type TrussSignature } from "../truss/signature.ts";
import type { TrussSnapshot } from "../truss/snapshot.ts";
import { hasFolder } from "../truss/tree.ts";
import { readArchive } from "../uploads/archive.ts";

/** Bounds of what clients push: the service holds an archive in memory. Weights come by external_data, or in load(). */
export const pushLimits = { size: 64 * 1024 * 1024, files: 20_000 };

/** A truss as a client uploaded it. */
export interface PushedTruss {
  readonly snapshot: TrussSnapshot;
  readonly config: TrussConfig;
  readonly configText: string;
  /** Content hash: 64 hex digits. */
  readonly hash: string;
  readonly signature: TrussSignature;
}

/**
 * Reads an uploaded archive as `readTruss` reads a folder: without what its own `.truss_ignore` leaves out.
 * @throws OperatorError with what is wrong with the archive, its config.yaml, or what it asks of the platform.
 */
export function readPushedTruss(archive: Uint8Array): PushedTruss {
  const snapshot = readArchive(archive, pushLimits);
  const patterns = ignorePatternsOf(snapshot);
  const text = configText(snapshot);
  const config = parseTrussConfig(text);
  refuseUnserved(snapshot, config);
  return {
    ...{ snapshot, config, configText: text },
    hash: hashSnapshot(snapshot, patterns),
    signature: signatureOf(snapshot, patterns),
  };
}

/** What only a stack can give a model. */
function refuseUnserved(snapshot: TrussSnapshot, config: TrussConfig): void {
  const declare = "declare the model in the stack, under menagerie:development";
  if (!hasFolder(snapshot, config.model_module_dir)) {
    throw badInput(`config.yaml: model_module_dir: there is no folder "${config.model_module_dir}" in the truss`);
  }
  const { accelerator } = config.resources;
  if (accelerator) throw badInput(`config.yaml: resources: ${accelerator}: pushed models get no GPU; ${declare}`);
  const secrets = Object.keys(config.secrets);
  if (secrets.length > 0) {
    throw badInput(`config.yaml: secrets: ${secrets.join(", ")}: pushed models get no secrets; ${declare}`);
  }
}

/** A model's name: a Kubernetes label's value too. */
export function refusePushedName(name: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)) return;
  throw badInput(
    `model_name: ${JSON.stringify(name.slice(0, 100))}: use at most 63 letters, digits, dashes, dots and underscores`,
  );
}
