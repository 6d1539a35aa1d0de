import { copyFile, cp, link, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import semver from "semver";
import { create } from "tar";
import { buildFolder, builtBinaries, goEnvironment } from "../build.ts";
import { fingerprint, moduleFolder, toolsFolder } from "../fingerprint.ts";
import { manifestSources } from "../manifestSources.ts";
import { manifestsFolder, readManifests } from "../manifests.ts";
import { refuse } from "../refusals.ts";
import { manifestsPackage, packageName } from "../sources/package.ts";
import type { AnyTool } from "../tools.ts";
import { licencesOf, linkedModules, selectedModules } from "./licences.ts";

export interface PackOptions {
  readonly cache: string;
  /** Folder of the packed files. */
  readonly out: string;
  readonly env: NodeJS.ProcessEnv;
  /** How hard gzip tries. @default 6 */
  readonly level?: number;
}

export interface Packed {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
  /** Whether its executables need the C library of the machine that built them, or a newer one. */
  readonly dynamic: boolean;
}

/**
 * Packs a tool that this machine has built as an npm package: executables, the record of the build, the module that pins them with
 * its cuts, and the licences of all that was linked. An installed one is used where its pins are those of the checkout.
 *
 * @throws OperatorError for a tool that is not built, or was downloaded: what others published is not published again
 */
export async function packTool(tool: AnyTool, options: PackOptions): Promise<Packed> {
  const folder = await buildFolder(tool, options.cache);
  const binaries = await builtBinaries(tool, folder);
  if (!binaries) throw refuse("pack.not-built", { title: tool.title, cache: options.cache });
  const record = JSON.parse(await readFile(join(folder, "tool.json"), "utf8")) as { origin?: string };
  if (record.origin?.startsWith("release")) {
    throw refuse("pack.downloaded", { title: tool.title, cache: options.cache });
  }
  const dynamic = (await Promise.all(Object.values(binaries).map(isDynamic))).includes(true);
  const modules = await linkedModules(Object.values(binaries), options.env);
  return await pack(options, {
    name: packageName(tool.name),
    version: packedVersion(tool.version, await fingerprint(tool)),
    description: `${tool.title} ${tool.version}, built by Menagerie from its pinned modules`,
    tool: tool.name,
    pins: await fingerprint(tool),
    platform: true,
    dynamic,
    licences: await licencesOf(modules, goEnvironment(tool, options.env)),
    fill: async (work) => {
      await mkdir(join(work, "bin"));
      for (const [name, file] of Object.entries(binaries)) await take(file, join(work, "bin", name));
      await copyFile(join(folder, "tool.json"), join(work, "tool.json"));
      await cp(moduleFolder(tool), join(work, "pins"), { recursive: true });
    },
  });
}

/** Packs the CRDs and manifests, which are the same on all platforms. */
export async function packManifests(options: PackOptions): Promise<Packed> {
  const folder = await manifestsFolder(options.cache);
  if (!(await readManifests(folder))) throw refuse("pack.no-crds", { cache: options.cache });
  const pins = folder.slice(folder.lastIndexOf("-") + 1);
  const used = await selectedModules(
    join(toolsFolder, "crds"),
    manifestSources.map(({ module }) => module),
    options.env,
  );
  return await pack(options, {
    name: manifestsPackage,
    version: packedVersion("0.0.0", pins),
    description: "CRDs and manifests that Menagerie's embedded environment installs",
    tool: "manifests",
    pins,
    platform: false,
    dynamic: false,
    licences: await licencesOf(used, options.env),
    fill: (work) => cp(folder, join(work, "manifests"), { recursive: true }),
  });
}

interface Contents {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly tool: string;
  readonly pins: string;
  readonly platform: boolean;
  readonly dynamic: boolean;
  readonly licences: string;
  readonly fill: (folder: string) => Promise<void>;
}

async function pack({ out, level = 6 }: PackOptions, contents: Contents): Promise<Packed> {
  const { name, version, description, tool, pins, dynamic } = contents;
  await mkdir(out, { recursive: true });
  const work = await mkdtemp(join(out, ".packing-"));
  const file = join(out, `${name}-${version}.tgz`);
  try {
    await contents.fill(work);
    await writeFile(join(work, "LICENSES.txt"), contents.licences);
    const platform = contents.platform ? { os: [process.platform], cpu: [process.arch] } : {};
    const content = {
      name,
      version,
      description,
      license: "SEE LICENSE IN LICENSES.txt",
      ...platform,
      ...(dynamic ? { libc: ["glibc"] } : {}),
      menagerie: { tool, pins },
    };
    await writeFile(join(work, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
    // A package's files lie below a folder `package`; without times and owners the same build packs the same.
    const created = { cwd: work, prefix: "package", portable: true, mtime: new Date(0), gzip: { level } };
    await create({ ...created, file: `${file}.part` }, ["."]);
    await rename(`${file}.part`, file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return { file, name, version, bytes: (await stat(file)).size, dynamic };
}

/** A version for each content of the pins, since npm keeps a published version for good: `3.6.5-p9bbdff96f33c36f0`. */
function packedVersion(version: string, pins: string): string {
  return `${semver.valid(version) ?? "0.0.0"}-p${pins}`;
}

/** Whether an ELF executable names an interpreter (PT_INTERP), as those do that were linked with cgo. */
async function isDynamic(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const header = Buffer.alloc(64);
    await handle.read(header, 0, 64, 0);
    if (header.toString("latin1", 0, 4) !== "\x7fELF") return false;
    const [entrySize, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = Buffer.alloc(entrySize * count);
    await handle.read(table, 0, table.length, Number(header.readBigUInt64LE(32)));
    for (let index = 0; index < count; index++) if (table.readUInt32LE(index * entrySize) === 3) return true;
    return false;
  } finally {
    await handle.close();
  }
}

async function take(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await link(source, target).catch(() => copyFile(source, target));
}

/** What to run once the packages are published, so that checkouts install them with everything else. */
export function adoption(packed: readonly Packed[]): string {
  return `npm install --save-optional --save-exact ${packed.map(({ name, version }) => `${name}@${version}`).join(" ")}`;
}
