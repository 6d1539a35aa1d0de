import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type BuildContext, goEnvironment, type Workspace } from "./build.ts";
import { runGo } from "./goCommand.ts";
import { type AnyTool, buildFlags } from "./tools.ts";

/** Linking takes about as long as compiling this part of all the source (measured on etcd and the provider). */
const linkShare = 0.05;

interface ListedPackage {
  readonly ImportPath: string;
  readonly Dir: string;
  readonly GoFiles?: readonly string[];
  readonly CgoFiles?: readonly string[];
  readonly SFiles?: readonly string[];
  readonly Stale?: boolean;
}

/** Source that a build has still to compile, in bytes. */
export interface StaleSource {
  /** By import path: every package that Go's build cache does not hold. */
  readonly packages: ReadonlyMap<string, number>;
  /** Of these packages together, and what linking comes to. */
  readonly bytes: number;
}

/** Asks Go which packages of a prepared tool its build cache lacks; takes a second or two. */
export async function staleSource(tool: AnyTool, workspace: Workspace, context: BuildContext): Promise<StaleSource> {
  const answer = await runGo({
    folder: workspace.folder,
    env: goEnvironment(tool, context.env),
    purpose: tool.title,
    log: workspace.log,
    signal: context.signal,
    // Without the embedded files Go reckons with other build ids, and packages that it holds count as stale.
    arguments: [
      ...["list", "-deps", ...buildFlags(tool)],
      "-json=ImportPath,Dir,GoFiles,CgoFiles,SFiles,EmbedFiles,Stale",
      ...Object.values(tool.packages),
    ],
  });
  const packages = new Map<string, number>();
  let all = 0;
  for (const listed of listedPackages(answer)) {
    const size = await sourceSize(listed);
    all += size;
    if (listed.Stale) packages.set(listed.ImportPath, size);
  }
  const stale = [...packages.values()].reduce((sum, size) => sum + size, 0);
  return { packages, bytes: stale + linkShare * all };
}

/** `go list -json` prints one object after the other. */
function listedPackages(answer: string): ListedPackage[] {
  return answer
    .split(/(?<=^\})\n/m)
    .filter((text) => text.trim() !== "")
    .map((text) => JSON.parse(text) as ListedPackage);
}

async function sourceSize({ Dir, GoFiles = [], CgoFiles = [], SFiles = [] }: ListedPackage): Promise<number> {
  const sizes = await Promise.all(
    [...GoFiles, ...CgoFiles, ...SFiles].map((file) =>
      stat(join(Dir, file)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
