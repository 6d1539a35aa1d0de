import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { type PatchSyncOutputs, patchSync } from "../../../src/resources/patchSync.handler.ts";

/** What a state of a stack holds whose config says no address of the API service. */
const state: PatchSyncOutputs = {
  model: "greeter",
  versionId: "21",
  folder: "models/greeter",
  declaredHash: "a",
  baseHash: "a",
  deploys: false,
  takeover: false,
  apiKey: "k",
  timeoutSeconds: 1,
  headHash: "a",
  runningHash: "a",
  state: "synced",
};

const variables = ["MENAGERIE_API_URL", "MENAGERIE_GATEWAY_URL"] as const;

afterEach(() => vi.unstubAllEnvs());

/** Which of the shell's addresses a refresh asks, with only those set that are given. */
async function asked(given: readonly (typeof variables)[number][], api?: string): Promise<string[]> {
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    hosts.push(String(request.headers.host).split(":")[0] ?? "");
    response.writeHead(404, { "content-type": "application/json" });
    response.end('{"error": {"code": "not_found", "message": "none"}}');
  }).listen(0);
  const { port } = server.address() as AddressInfo;
  const addresses = {
    MENAGERIE_API_URL: `http://127.0.0.2:${port}`,
    MENAGERIE_GATEWAY_URL: `http://127.0.0.3:${port}`,
  };
  for (const name of variables) vi.stubEnv(name, given.includes(name) ? addresses[name] : undefined);
  try {
    const config = api === undefined ? {} : { api: `http://${api}:${port}` };
    expect(await patchSync.read?.("21", { ...state, ...config })).toBeUndefined();
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return hosts;
}

it("the API service is where the config says, else where the shell does", async () => {
  expect(await asked([...variables], "127.0.0.1")).toEqual(["127.0.0.1"]);
  expect(await asked([...variables])).toEqual(["127.0.0.2"]);
  expect(await asked(["MENAGERIE_GATEWAY_URL"])).toEqual(["127.0.0.3"]);
});

it("a shell that has no address is told the variable's name", async () => {
  await expect(asked([])).rejects.toThrow(
    "the API service's address is not known; set MENAGERIE_API_URL, or menagerie:services.apiUrl",
  );
});
