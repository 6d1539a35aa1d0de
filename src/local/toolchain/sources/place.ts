import { randomBytes } from "node:crypto";
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtBinaries } from "../build.ts";
import type { AnyTool } from "../tools.ts";
import type { Executables, SourceContext } from "./source.ts";

/** What `tool.json` says of the origin, in place of a build's Go release and seconds. */
export interface Origin {
  readonly version: string;
  readonly goVersion: string;
  readonly seconds: number;
  /** Such as `release sha256:…` or the name of a package. */
  readonly origin: string;
}

/**
 * Lets `fill` put a tool's executables into a work folder and moves that to `target` in one step. Whatever ends it, `target` is
 * either complete or as it was, and nothing else is left (after kill -9 `removeAbandoned` finds the work folder by its name).
 */
export async function place(
  tool: AnyTool,
  target: string,
  context: SourceContext,
  fill: (folder: string) => Promise<Origin>,
): Promise<Executables> {
  const work = join(context.cache, "tools", `.work-${tool.name}.${process.pid}.${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(work, { recursive: true });
    const origin = await fill(work);
    const sizes: Record<string, number> = {};
    for (const name of Object.keys(tool.packages)) {
      const file = join(work, name);
      await chmod(file, 0o755);
      sizes[name] = (await stat(file)).size;
    }
    await writeFile(join(work, "tool.json"), `${JSON.stringify({ ...origin, sizes }, null, 2)}\n`);
    context.signal.throwIfAborted();
    await rm(target, { recursive: true, force: true });
    await rename(work, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const found = await builtBinaries(tool, target);
  if (!found) throw new Error(`${target} is incomplete right after ${tool.title} was put there`);
  return found;
}
