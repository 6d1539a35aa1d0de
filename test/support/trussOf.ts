import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { signatureOf } from "../../src/domain/truss/signature.ts";
import type { SnapshotEntry, TrussSnapshot } from "../../src/domain/truss/snapshot.ts";

/** A truss of these files, with what a client computes of it. */
export function trussOf(files: Readonly<Record<string, string>>, config = "model_name: t\nlive_reload: true\n") {
  const entries = new Map<string, SnapshotEntry>();
  for (const [path, text] of Object.entries({ "config.yaml": config, "model/__init__.py": "", ...files })) {
    const parent = path.split("/").slice(0, -1).join("/");
    if (parent) entries.set(parent, { kind: "dir" });
    entries.set(path, { kind: "file", content: new TextEncoder().encode(text), executable: false });
  }
  const snapshot: TrussSnapshot = { entries };
  return { snapshot, hash: hashSnapshot(snapshot), signature: signatureOf(snapshot) };
}
