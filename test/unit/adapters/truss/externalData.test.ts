import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { downloadExternalData } from "../../../../src/adapters/truss/externalData.ts";
import { parseTrussConfig } from "../../../../src/domain/truss/config.ts";
import { egressAddress } from "../../../../src/local/network/egressPolicy.ts";

/** Files that a truss names by their addresses, and which addresses a truss of somebody else may name. */

let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-external-data-"));
  server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: `http://127.0.0.1:${port}/secret` }).end();
    else response.end(`${request.headers.host} has ${request.url}`);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;

function download(url: string, addressOf?: typeof egressAddress): Promise<void> {
  const config = parseTrussConfig(`external_data: [{ url: "${url}", local_data_path: file }]\n`, "config.yaml");
  return downloadExternalData(folder, config, "guest", signal, addressOf);
}

test("files come from wherever the truss says", async () => {
  await download(`http://127.0.0.1:${port}/a`);
  expect(await readFile(join(folder, "file"), "utf8")).toBe(`127.0.0.1:${port} has /a`);
});

test("of a truss of somebody else from public addresses alone, also where one leads to another", async () => {
  await rm(join(folder, "file"));
  const refusal = /truss "guest": external_data: http:.*: 127\.0\.0\.1 is 127\.0\.0\.1, an internal address/;
  await expect(download(`http://127.0.0.1:${port}/a`, egressAddress)).rejects.toThrow(refusal);
  // As if this machine were out there.
  const played = (host: string, to: number) =>
    host === "data.test" ? Promise.resolve("127.0.0.1") : egressAddress(host, to);
  await expect(download(`http://data.test:${port}/moved`, played)).rejects.toThrow(refusal);
  expect(existsSync(join(folder, "file"))).toBe(false);
  await download(`http://data.test:${port}/a`, played);
  expect(await readFile(join(folder, "file"), "utf8")).toBe(`data.test:${port} has /a`);
});
