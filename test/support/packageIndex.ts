import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** A package index that asks for a password, on an address of this machine that is not loopback. */
export interface PackageIndex {
  /** With user and password. */
  readonly url: string;
  readonly password: string;
  /** Packages and files that were asked for with the right password, and how many requests had none. */
  readonly asked: readonly string[];
  readonly refused: () => number;
  /** From now on each answer comes after so many milliseconds. */
  answerAfter(milliseconds: number): void;
  /** With user and password, of a wheel that never comes. */
  readonly silent: string;
  stop(): Promise<void>;
}

/** A wheel with one module that tells its version. */
const makeWheel = `import sys, zipfile
folder, name, version = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", f"VERSION = {version!r}\\n")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", f"{name}.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
`;

/** Serves the versions of one package, as PEP 503 says. */
export async function startPackageIndex(name: string, versions: readonly string[]): Promise<PackageIndex> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-index-"));
  for (const version of versions) await promisify(execFile)("python3", ["-c", makeWheel, folder, name, version]);
  const files = await readdir(folder);
  const password = "hunter2-of-the-index";
  const wanted = `Basic ${Buffer.from(`ada:${password}`).toString("base64")}`;
  const asked: string[] = [];
  let refused = 0;
  let answersAfterMs = 0;
  const server = createServer(async (request, response) => {
    if (answersAfterMs > 0) await delay(answersAfterMs);
    if (request.url?.startsWith("/silent/")) return;
    if (request.headers.authorization !== wanted) {
      refused += 1;
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
      return;
    }
    const path = request.url ?? "";
    asked.push(path);
    const file = files.find((one) => path === `/files/${one}`);
    if (file) return void response.end(await readFile(join(folder, file)));
    if (path.replace(/\/$/, "") !== `/simple/${name.replaceAll("_", "-")}`) return void response.writeHead(404).end();
    response.setHeader("content-type", "text/html");
    response.end(files.map((one) => `<a href="/files/${one}">${one}</a>`).join("\n"));
  }).listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  if (address === undefined) throw new Error("this machine has no address but loopback");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://ada:${password}@${address}:${port}/simple`,
    password,
    asked,
    refused: () => refused,
    silent: `http://ada:${password}@${address}:${port}/silent/silent-1.0-py3-none-any.whl`,
    answerAfter: (milliseconds) => {
      answersAfterMs = milliseconds;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
