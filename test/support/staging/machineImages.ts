import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { ofServices } from "../../../src/adapters/images/checkoutImage.ts";
import { pinnedNodeFolder } from "../../../src/adapters/processes/pinnedNode.mjs";
import { ensureBuildContext } from "../../../src/adapters/truss/buildContext.ts";
import { declaredRequirements } from "../../../src/adapters/truss/declaredRequirements.ts";
import { ensurePythonLayers } from "../../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../../src/adapters/truss/requirementLayer.ts";
import { readTruss } from "../../../src/adapters/truss/snapshot.ts";
import { silent } from "../../../src/domain/progress.ts";
import { parseTrussConfig } from "../../../src/domain/truss/config.ts";
import { imagePaths } from "../../../src/domain/truss/directoryImage.ts";
import { configText } from "../../../src/domain/truss/signature.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import type { PushedImage } from "../pushImage.ts";

/**
 * Images with a system of their own, made of this machine's programs, since no test can pull a base image: what Debian's slim image and the truss
 * library's base image hold of what Dockerfiles and servers here use.
 */

const run = promisify(execFile);
const large = { maxBuffer: 64 * 2 ** 20 };

/** Programs of the system, with the libraries that they load. */
const programs =
  "sh bash env cat cp mv rm ln ls mkdir chmod chown touch id sleep tr cut head tail sort test dirname basename readlink grep sed which curl".split(
    " ",
  );

/** Debian's would own the new home by the user, and one user id has no others. */
const useradd = `#!/bin/sh
for name; do :; done
echo "$name:x:60000:60000::/home/$name:/bin/bash" >> /etc/passwd
mkdir -p "/home/$name"
`;

/** A truss that images of the base are built from. */
export interface TrussBase {
  /** As the truss library's Dockerfile names it, such as `baseten/truss-server-base`. */
  readonly repository: string;
  readonly tag: string;
  readonly image: PushedImage;
}

export class MachineImages {
  readonly #folder: string;
  #system: Promise<string> | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<MachineImages> {
    return new MachineImages(await mkdtemp(join(tmpdir(), "menagerie-images-")));
  }

  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * The base image of the truss library for the Python and the requirements of a truss, installed already: a build then finds nothing
   * to install, and needs no package index.
   */
  async trussBase(trussFolder: string): Promise<TrussBase> {
    const options = { cache: menagerieCache(), progress: silent, signal: new AbortController().signal };
    const layers = await ensurePythonLayers(options);
    const { snapshot } = await readTruss(trussFolder);
    const config = parseTrussConfig(configText(snapshot), "config.yaml");
    const requirements = await declaredRequirements(snapshot, config, { ...options, python: layers });
    const version = `3.${config.python_version.slice("py3".length)}`;
    const inference = await ensureRequirementLayer(
      layers,
      { name: "base", pythonVersion: version, requirements },
      options,
    );
    const { prefix, executable } = inference.python;
    const layer = await this.#layer("python", async (root) => {
      const standard = join("lib", `python${version}`);
      await copyTree(
        join(prefix, standard),
        join(root, prefix, standard),
        /\/(site-packages|test|config-[^/]+|__pycache__)$/,
      );
      for (const name of await readdir(join(prefix, "lib"))) {
        if (name.startsWith("libpython")) await copyInto(root, join(prefix, "lib", name));
      }
      await copyInto(root, executable);
      await copyTree(inference.folder, join(root, imagePaths.inferencePython), /\/tests$/);
      await copyInto(root, layers.uv, "/usr/local/bin/uv");
      const native = (await filesBelow(root)).filter(
        (file) => /\.so(\.|$)/.test(file) || basename(file) === basename(executable),
      );
      await copyLibraries(root, [...native, layers.uv]);
    });
    const contexts = join(this.#folder, "contexts");
    await mkdir(contexts);
    const context = await ensureBuildContext(contexts, "base", snapshot, layers, { ...options, env: process.env });
    const dockerfile = await readFile(join(context.folder, "Dockerfile"), "utf8");
    const [, repository = "", tag = ""] = /^FROM (\S+):(\S+) AS truss_server$/m.exec(dockerfile) ?? [];
    if (repository === "") throw new Error(`the truss library's Dockerfile names no base image: ${dockerfile}`);
    return {
      repository,
      tag,
      image: {
        layers: [await this.#systemLayer(), layer],
        config: {
          env: {
            PATH: `${imagePaths.inferencePython}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
            // A requirement that is missing ends the build at once.
            UV_OFFLINE: "1",
          },
        },
      },
    };
  }

  /** What `operations/services.Dockerfile` makes, without packages that no service imports, and the truss library, which only pushes of clients need. */
  async services(project: string): Promise<PushedImage> {
    const layer = await this.#layer("services", async (root) => {
      const app = join(root, "app");
      for (const path of ofServices) await cp(join(project, path), join(app, path), { recursive: true });
      const packages = await realpath(join(project, "node_modules"));
      for (const name of await importedPackages(app, packages)) {
        await copyTree(join(packages, name), join(app, "node_modules", name), /\.(d\.[cm]?ts|map)$/);
      }
      const node = join(project, "node_modules", pinnedNodeFolder, "node");
      await copyInto(root, node, "/usr/local/bin/node");
      await copyLibraries(root, [node]);
    });
    return {
      layers: [await this.#systemLayer(), layer],
      config: {
        entrypoint: ["node", "src/services/api/main.ts"],
        workingDir: "/app",
        env: { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_ENV: "production" },
      },
    };
  }

  #systemLayer(): Promise<string> {
    this.#system ??= this.#layer("system", async (root) => {
      for (const name of ["bin", "sbin", "lib", "lib64"]) {
        await mkdir(join(root, "usr", name), { recursive: true });
        await symlink(`usr/${name}`, join(root, name));
      }
      for (const path of ["root", "tmp", "run", "etc/ssl/certs", "var/tmp", "proc", "sys", "dev", "home"]) {
        await mkdir(join(root, path), { recursive: true });
      }
      const { stdout } = await run("sh", [
        "-c",
        'for name; do command -v "$name"; done',
        "sh",
        ...programs.map((each) => `/usr/bin/${each}`),
      ]);
      const paths = stdout.trim().split("\n");
      for (const path of paths) await copyInto(root, path, join("/usr/bin", basename(path)));
      await copyLibraries(root, paths);
      await writeFile(join(root, "usr/sbin/useradd"), useradd, { mode: 0o755 });
      await copyFile(await realpath("/etc/os-release"), join(root, "etc/os-release"));
      await copyFile("/etc/ssl/certs/ca-certificates.crt", join(root, "etc/ssl/certs/ca-certificates.crt"));
      await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
      await writeFile(join(root, "etc/group"), "root:x:0:\n");
      await writeFile(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
    });
    return this.#system;
  }

  /** Packs what `fill` puts into a folder; the same content gives the same archive. */
  async #layer(name: string, fill: (root: string) => Promise<void>): Promise<string> {
    const root = join(this.#folder, name);
    await mkdir(root);
    await fill(root);
    const file = join(this.#folder, `${name}.tar`);
    const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    await run("tar", [...same, "-C", root, "-cf", file, "."]);
    await rm(root, { recursive: true });
    return file;
  }
}

/** A file of this machine at its own path, or another, in a root folder; what links lead to, not the links. */
async function copyInto(root: string, path: string, target = path): Promise<void> {
  const at = join(root, target);
  await mkdir(dirname(at), { recursive: true });
  await copyFile(await realpath(path), at);
}

function copyTree(from: string, to: string, without?: RegExp): Promise<void> {
  const filter = (path: string) => path === from || !without?.test(path);
  return cp(from, to, { recursive: true, verbatimSymlinks: true, filter });
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Libraries of the system that files load, where the loader looks for them; those that are there already stay. */
async function copyLibraries(root: string, files: readonly string[]): Promise<void> {
  const found = new Set<string>();
  for (let at = 0; at < files.length; at += 200) {
    // It ends with 1 where one of them is a script.
    const answer = await run("ldd", files.slice(at, at + 200), large).catch((error: { stdout: string }) => error);
    for (const [, path = ""] of answer.stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)) found.add(path);
  }
  for (const path of found) {
    if (path.startsWith(root)) continue;
    const target = /^\/lib(64)?\//.test(path) ? join("/usr", path) : path;
    await copyInto(root, path, target);
  }
}

/** Packages that programs below a folder import, and those that these depend on, nested ones within them. */
async function importedPackages(folder: string, packages: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const file of await filesBelow(folder)) {
    if (!/\.(ts|mjs)$/.test(file)) continue;
    const source = await readFile(file, "utf8");
    for (const [, name = ""] of source.matchAll(/(?:from|import\()\s*"((?:@[^/"]+\/)?[^./"@:][^/":]*)(?:\/[^"]*)?"/g))
      found.add(name);
  }
  for (const name of found) {
    const manifest = await readFile(join(packages, name, "package.json"), "utf8").catch(() => undefined);
    // Node.js's own are no packages.
    if (manifest === undefined) found.delete(name);
    else
      for (const each of Object.keys((JSON.parse(manifest) as { dependencies?: object }).dependencies ?? {}))
        found.add(each);
  }
  return found;
}
