import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TrussConfig } from "../../domain/truss/config.ts";
import { parsePipRequirements, requirementsFileType } from "../../domain/truss/requirements.ts";
import { fileRequirements } from "../../domain/truss/signature.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { treeBelow } from "../../domain/truss/tree.ts";
import { packageFailure } from "./packageFailure.ts";
import { run } from "./process.ts";
import type { PythonLayers } from "./python.ts";
import { writeTree } from "./writeTree.ts";

/**
 * Requirements that an image of the truss installs: those of config.yaml, or of its requirements file. For a `uv.lock`
 * they are what the lock pins; patches, in contrast, look at the pyproject.toml beside it.
 */
export async function declaredRequirements(
  snapshot: TrussSnapshot,
  config: TrussConfig,
  options: {
    readonly cache: string;
    readonly python: PythonLayers;
    readonly signal: AbortSignal;
    readonly env?: NodeJS.ProcessEnv;
  },
): Promise<string[]> {
  const file = config.requirements_file;
  if (!file) return parsePipRequirements(config.requirements.join("\n"));
  if (requirementsFileType(file) !== "uv_lock") return fileRequirements(snapshot, file);
  const work = join(options.cache, "contexts", `.tmp-${randomBytes(6).toString("hex")}`);
  try {
    await writeTree(work, treeBelow(snapshot, dirname(file) === "." ? "" : dirname(file)));
    const exported = await run(
      options.python.uv,
      [
        "export",
        "--quiet",
        "--frozen",
        "--no-hashes",
        "--no-emit-project",
        "--no-annotate",
        "--no-header",
        "--project",
        work,
      ],
      { signal: options.signal, env: options.env ?? process.env },
    );
    return parsePipRequirements(exported);
  } catch (error) {
    throw packageFailure(file, error, options.signal);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
