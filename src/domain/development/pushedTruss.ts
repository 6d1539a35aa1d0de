import { parseTrussConfig, type TrussConfig } from "../truss/config.ts";
import { hashSnapshot } from "../truss/hash.ts";
import { ignorePatternsOf } from "../truss/ignore.ts";
import { configText, signatureOf, type TrussSignature } from "../truss/signature.ts";
import type { TrussSnapshot } from "../truss/snapshot.ts";
import { hasFolder } from "../truss/tree.ts";
import { readArchive } from "../uploads/archive.ts";
import { refuse } from "./refusals.ts";

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
    snapshot,
    config,
    configText: text,
    hash: hashSnapshot(snapshot, patterns),
    signature: signatureOf(snapshot, patterns),
  };
}

/** What only a stack can give a model. */
function refuseUnserved(snapshot: TrussSnapshot, config: TrussConfig): void {
  const declare = "declare the model in the stack, under menagerie:development";
  if (!hasFolder(snapshot, config.model_module_dir)) {
    throw refuse("push.no-model-folder", { folder: config.model_module_dir });
  }
  const { accelerator } = config.resources;
  if (accelerator) throw refuse("push.gpu", { accelerator, declare });
  const secrets = Object.keys(config.secrets);
  if (secrets.length > 0) {
    throw refuse("push.secrets", { secrets: secrets.join(", "), declare });
  }
}

/** A model's name: a Kubernetes label's value too. */
export function refusePushedName(name: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)) return;
  throw refuse("push.name", { name: JSON.stringify(name.slice(0, 100)) });
}
