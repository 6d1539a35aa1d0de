/** Hash and signature of a truss of 10,000 files, beside the truss library's, on the same folder in one run. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { silent } from "../../src/domain/progress.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { signatureOf } from "../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { median } from "./measures.ts";

const files = 10_000;
const runs = 7;

const library = `
import json, pathlib, sys, time
from truss.truss_handle.patch.hash import directory_content_hash
from truss.truss_handle.patch.signature import calc_truss_signature
root, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
from truss.util.path import load_trussignore_patterns
patterns = load_trussignore_patterns()
seconds = []
for _ in range(runs):
    begun = time.perf_counter()
    digest = directory_content_hash(root, patterns)
    calc_truss_signature(root, patterns)
    seconds.append(time.perf_counter() - begun)
print(json.dumps({"hash": digest, "seconds": seconds}))`;

function line(name: string, value: string): void {
  console.log(`${name.padEnd(52)} ${value}`);
}

const folder = mkdtempSync(join(tmpdir(), "menagerie-bench-truss-"));
try {
  writeFileSync(join(folder, "config.yaml"), "model_name: big\n");
  for (let index = 0; index < files; index += 1) {
    const parent = join(folder, "model", `part-${index % 100}`);
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `file-${index}.py`), randomBytes(1000).toString("hex"));
  }
  const python = await ensurePythonLayers({
    cache: menagerieCache(),
    progress: silent,
    signal: new AbortController().signal,
  });
  const answer = execFileSync(join(python.truss, "bin/python"), ["-c", library, folder, String(runs)], {
    encoding: "utf8",
  });
  const theirs = JSON.parse(answer) as { hash: string; seconds: number[] };
  const ours: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const begun = performance.now();
    const { snapshot, patterns } = await readTruss(folder);
    const hash = hashSnapshot(snapshot, patterns);
    signatureOf(snapshot, patterns);
    ours.push((performance.now() - begun) / 1000);
    if (hash !== theirs.hash) throw new Error(`the hash is ${hash}, the library's ${theirs.hash}`);
  }
  const [own, other] = [median(ours), median(theirs.seconds)];
  line(`hash and signature of ${files} files, menagerie`, `${own.toFixed(2)} s`);
  line(
    `hash and signature of ${files} files, truss library`,
    `${other.toFixed(2)} s (${(other / own).toFixed(1)} times)`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
