import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { packageEnvironment } from "../../../../src/adapters/truss/packageSource.ts";
import { ensurePythonLayers, type PythonLayers } from "../../../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../../../src/adapters/truss/requirementLayer.ts";
import { makeEnvironment } from "../../../../src/adapters/truss/virtualEnvironment.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { tar } from "../../../support/tar.ts";

/** What packages of others can run where they are installed: as a rule what they want, and nothing where wheels alone may come. */

const options = { cache: menagerieCache(), progress: silent, signal: new AbortController().signal };
let python: PythonLayers;
let folder: string;
let marker: string;
let server: Server;
let address: string;

/** Modules that write the marker when an interpreter sees them start: by a `.pth` file, by `sitecustomize`, by a script for `python`. */
const makeWheel = `import sys, zipfile
file, code = sys.argv[1:]
info = "pth-1.0.dist-info"
with zipfile.ZipFile(file, "w") as wheel:
    wheel.writestr("pth.py", "VERSION = 1\\n")
    wheel.writestr("pth.pth", f"import os; {code}\\n")
    wheel.writestr("sitecustomize.py", f"{code}\\n")
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: pth\\nVersion: 1.0\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-foreign-packages-"));
  marker = join(folder, "marker");
  const write = `open(${JSON.stringify(marker)}, 'w').write('it ran')`;
  await promisify(execFile)("python3", ["-c", makeWheel, join(folder, "pth-1.0-py3-none-any.whl"), write]);
  const sdist = (text: string, name: string) =>
    tar([
      { name: `${name}-1.0/setup.py`, content: text },
      { name: `${name}-1.0/PKG-INFO`, content: `Metadata-Version: 1.0\nName: ${name}\nVersion: 1.0\n` },
    ]);
  const setup = `${write}\nfrom setuptools import setup\nsetup(name='hostile', version='1.0')\n`;
  await writeFile(join(folder, "hostile-1.0.tar.gz"), gzipSync(sdist(setup, "hostile")));
  server = createServer((request, response) => {
    readFile(join(folder, (request.url ?? "").slice(1))).then(
      (file) => response.end(file),
      () => response.writeHead(404).end(),
    );
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  python = await ensurePythonLayers(options);
}, 600_000);

afterEach(async () => {
  for (const made of ["true", "false"]) await rm(join(folder, `environment-${made}`), { recursive: true, force: true });
  await rm(marker, { force: true });
});

afterAll(async () => {
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** An environment with this one package. */
async function environmentOf(requirement: string, wheelsOnly: boolean): Promise<string> {
  const { signal } = options;
  const environment = join(folder, `environment-${wheelsOnly}`);
  await makeEnvironment({
    folder: environment,
    uv: python.uv,
    python: python.python.executable,
    requirements: `${requirement}\n`,
    packageCache: join(folder, "packages"),
    env: await packageEnvironment(process.env, python.python.executable, signal),
    signal,
    wheelsOnly,
  });
  return environment;
}

test("a wheel is installed and compiled without any interpreter that sees it", async () => {
  const wheel = `pth @ ${address}/pth-1.0-py3-none-any.whl`;
  const environment = await environmentOf(wheel, true);
  expect(existsSync(marker)).toBe(false);
  const [lib = ""] = await readdir(join(environment, "lib"));
  const cached = await readdir(join(environment, "lib", lib, "site-packages", "__pycache__"));
  expect(cached.filter((name) => name.startsWith("pth."))).toHaveLength(1);
  // Else the files of this test would be harmless ones.
  await environmentOf(wheel, false);
  expect(existsSync(marker)).toBe(true);
});

test("a package that would be built is refused by its name, however it is asked for, and its setup.py does not run", async () => {
  const url = `hostile @ ${address}/hostile-1.0.tar.gz`;
  const { version } = python.python;
  const pythonVersion = version.split(".").slice(0, 2).join(".");
  const asked = (...requirements: string[]) =>
    ensureRequirementLayer(python, { name: "guest", pythonVersion, requirements }, { ...options, wheelsOnly: true });
  await expect(asked(url)).rejects.toThrow(/"guest": hostile has no wheel, and is not built here/);
  for (const line of [
    "--no-binary hostile",
    "--no-binary=:all:",
    "--only-binary :none:",
    "hostile==1.0 --no-binary hostile",
    "hostile @ git+https://git.example.com/hostile",
    `--extra-index-url ${address}/\${HOME}`,
  ]) {
    await expect(asked(line, url)).rejects.toThrow(/would run code of its package here/);
  }
  await expect(environmentOf(url, true)).rejects.toThrow(/hostile/);
  expect(existsSync(marker)).toBe(false);
  await environmentOf(url, false);
  expect(existsSync(marker)).toBe(true);
});
