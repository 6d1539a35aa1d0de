import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readImage } from "../../adapters/images/imageStore.ts";
import { buildReading } from "../../adapters/truss/builder.ts";
import { ensurePythonLayers, type PythonLayers, type PythonOptions } from "../../adapters/truss/python.ts";
import { contextLimits } from "../../domain/builds/contextArchive.ts";
import { messageOf } from "../../domain/errors.ts";
import { loadFastDigest } from "../../domain/truss/digest.ts";
import { ignorePatternsOf } from "../../domain/truss/ignore.ts";
import { readArchive } from "../../domain/uploads/archive.ts";
import { refuse } from "../refusals.ts";

/**
 * The build step of the embedded environment's Pipeline: lays the truss in its context out as a directory image, and
 * writes the Task's results.
 */

try {
  await loadFastDigest();
  const archive = await context(variable("CONTEXT"), variable("CONTEXT_SHA256"));
  const snapshot = readArchive(gunzipSync(archive, { maxOutputLength: contextLimits.size * 2 }), contextLimits);
  const name = variable("TRUSS_NAME");
  const store = variable("MENAGERIE_IMAGE_STORE");
  const cache = variable("MENAGERIE_CACHE");
  const isControl = variable("TRUSS_CONTROL") === "true";
  const { signal } = new AbortController();
  const progress = {
    note: (line: string) => console.log(line),
    begin: (task: string) => ({
      update: (detail: string) => console.log(`${task}: ${detail}`),
      done: (detail = "done") => console.log(`${task}: ${detail}`),
      failed: (detail = "failed") => console.log(`${task}: ${detail}`),
    }),
  };
  const { url, digest } = await buildReading(
    {
      store,
      cache,
      python: await pythonLayers(cache, { progress, signal }),
      progress,
      signal,
    },
    { folder: name, name, hash: variable("TRUSS_HASH"), ...(isControl ? { control: true } : {}) },
    { snapshot, patterns: ignorePatternsOf(snapshot) },
  );
  await readImage(store, `${url}@${digest}`);
  await writeFile(variable("URL_RESULT"), url);
  await writeFile(variable("DIGEST_RESULT"), digest);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}

/** Those that `up` names, else those of this pod's Python, which lie in the cache. */
function pythonLayers(cache: string, options: Omit<PythonOptions, "cache">): Promise<PythonLayers> | PythonLayers {
  const given = process.env.PYTHON_LAYERS;
  return given ? (JSON.parse(given) as PythonLayers) : ensurePythonLayers({ cache, ...options });
}

/** The parts of the archive, together and checked. */
async function context(folder: string, sha256: string): Promise<Uint8Array> {
  const names = (await readdir(folder)).filter((name) => name.startsWith("part-")).sort();
  const archive = Buffer.concat(await Promise.all(names.map((name) => readFile(join(folder, name)))));
  const found = createHash("sha256").update(archive).digest("hex");
  if (found !== sha256) throw refuse("context.other-content", { found, wanted: sha256 });
  return archive;
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw refuse("context.variable-missing", { name });
  return value;
}
