import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, expect, test } from "vitest";
import { buildByPipeline } from "../../../../src/adapters/builds/pipelineBuild.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** An API server that keeps the one run that is made; it tells of each change of its `spec.status`, and then answers. */
async function apiServer(changed: (status: string | null) => void): Promise<KubeConfig> {
  const made = { uid: "u", creationTimestamp: new Date().toISOString() };
  let run: { metadata: object; spec: { status?: string | null } } | undefined;
  server = createServer(async (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const answer = async (): Promise<unknown> => {
      if (path.includes("/secrets")) return {};
      if (request.method === "POST") {
        const body = (await json(request)) as { metadata: object; spec: object };
        run = { ...body, metadata: { ...body.metadata, ...made } };
        return run;
      }
      if (request.method === "PATCH" && run) {
        const { status } = ((await json(request)) as { spec: { status: string | null } }).spec;
        run.spec = { ...run.spec, status };
        changed(status);
      }
      return /\/(pipelineruns|taskruns)$/.test(path) ? { items: run ? [run] : [] } : run;
    };
    response.end(JSON.stringify(await answer()));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const config = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
  return config;
}

test("a build that is given up before the answer to its start has come is cancelled", async () => {
  const abort = new AbortController();
  const seen: (string | null)[] = [];
  const config = await apiServer((status) => {
    seen.push(status);
    abort.abort(new Error("nobody wants it any more"));
  });
  const access = { config, namespace: "builds", serviceAccount: "truss-build", timeoutMinutes: 5, keep: 2 };
  const building = buildByPipeline(access, {
    name: "iris",
    hash: "a".repeat(64),
    params: {},
    report: () => {},
    note: () => {},
    signal: abort.signal,
    begin: async () => ({}) as never,
    pack: async () => ({ archive: new Uint8Array(1), sha256: "0".repeat(64) }),
  });
  await expect(building).rejects.toThrow("nobody wants it any more");
  expect(seen).toEqual([null, "Cancelled"]);
});
