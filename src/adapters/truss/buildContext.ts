import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { configFilename, type TrussConfig } from "../../domain/truss/config.ts";
import { contentHash } from "../../domain/truss/hash.ts";
import { configText } from "../../domain/truss/signature.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { treeBelow } from "../../domain/truss/tree.ts";
import { CommandFailed, run } from "./process.ts";
import { type PythonLayers, shortHash } from "./python.ts";
import { refuse } from "./refusals.ts";
import { writeTree } from "./writeTree.ts";

/** An installed truss library: hash of what it was made from, and the virtual environment with its CLI. */
export type TrussLibrary = Pick<PythonLayers, "key" | "truss">;

/** The part of a build context that the truss library makes: servers and the complete config.yaml. */
export interface BuildContext {
  /** Holds `server/`, `config.yaml`, `Dockerfile` and, for control trusses, `control/`. */
  readonly folder: string;
}

/**
 * The snapshot to build from. The truss library makes a control server's context only under `live_reload: true`, which
 * a truss marked by `use_control_plane` alone does not say, so the copy does.
 *
 * @param isControl - whether the image gets a control server.
 */
export function snapshotToBuild(snapshot: TrussSnapshot, config: TrussConfig, isControl: boolean): TrussSnapshot {
  if (!isControl || config.live_reload) return snapshot;
  // Scalars stay the texts that they are: 12e4567 is not a number for the library.
  const document = parseDocument(configText(snapshot), { version: "1.1", schema: "failsafe", uniqueKeys: false });
  // Of a key that is written twice the last counts.
  while (document.delete("live_reload"));
  document.set("live_reload", "true");
  const content = new TextEncoder().encode(document.toString({ lineWidth: 0 }));
  return { entries: new Map(snapshot.entries).set(configFilename, { kind: "file", content, executable: false }) };
}

/**
 * Runs the real `truss image build-context`. Its result besides the truss's own folders depends on config.yaml and
 * the library alone, and the library takes seconds to load, so it is kept: a change of code does not run it again.
 *
 * @param folder - where contexts are kept.
 * @throws OperatorError with the library's last line when it refuses the truss.
 */
export async function ensureBuildContext(
  folder: string,
  name: string,
  snapshot: TrussSnapshot,
  python: TrussLibrary,
  options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<BuildContext> {
  const rootFiles = [...treeBelow(snapshot, "")].filter(
    ([path, file]) => file && /^[^/]*\.(txt|toml|lock)$/.test(path),
  );
  const key = shortHash(
    python.key,
    configText(snapshot),
    ...rootFiles.flatMap(([path, file]) => [path, file ? contentHash(file.content) : ""]),
  );
  const kept = join(folder, key);
  if (await stat(kept).catch(() => undefined)) return { folder: kept };
  const work = join(folder, `.tmp-${randomBytes(6).toString("hex")}`);
  const [home, source, context] = ["home", "truss", "context"].map((part) => join(work, part)) as [
    string,
    string,
    string,
  ];
  try {
    await writeTree(source, treeBelow(snapshot, ""));
    const settings = join(home, ".config", "truss");
    await mkdir(settings, { recursive: true });
    await writeFile(join(settings, "settings.toml"), "[preferences]\ncheck_for_updates = false\n");
    await run(join(python.truss, "bin", "truss"), ["--non-interactive", "image", "build-context", context, source], {
      env: { ...options.env, HOME: home, XDG_CONFIG_HOME: join(home, ".config"), NO_COLOR: "1" },
      signal: options.signal,
    });
    await rm(join(context, "build_hash"), { recursive: true, force: true });
    await rename(context, kept).catch(async (error: unknown) => {
      if (!(await stat(kept).catch(() => undefined))) throw error;
    });
    return { folder: kept };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw refuse("truss.library-refuses", { name, reason: error.message }, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
