import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, expect, it } from "vitest";
import { readPools } from "../../../../src/adapters/kubernetes/readPools.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A cluster that has these lists by path, or answers such a path with a status. */
async function clusterWith(lists: Readonly<Record<string, readonly object[] | number>>): Promise<KubeConfig> {
  const server = createServer((request, response) => {
    const found = lists[request.url ?? ""] ?? 404;
    response.writeHead(typeof found === "number" ? found : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(typeof found === "number" ? { reason: "No", message: "no" } : { items: found }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "c", server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    { name: "u" },
  );
  return config;
}

const pod = {
  metadata: { name: "iris-0", labels: { "serving.kserve.io/inferenceservice": "iris-v1" } },
  spec: {
    nodeName: "t4-0",
    nodeSelector: { "menagerie.dev/pool": "t4" },
    containers: [{ resources: { limits: { "nvidia.com/gpu": "1" } } }],
  },
  status: { phase: "Running" },
};
const node = {
  metadata: { labels: { "menagerie.dev/pool": "t4" } },
  status: { allocatable: { "nvidia.com/gpu": "1" } },
};
const nodePool = { metadata: { name: "t4" }, spec: { replicas: 2 } };
const read = (config: KubeConfig) => readPools(config, ["models", "other"], AbortSignal.timeout(30_000));

it("reads pools, nodes and the pods of each namespace", async () => {
  const config = await clusterWith({
    "/apis/karpenter.sh/v1/nodepools": [nodePool],
    "/api/v1/nodes": [node],
    "/api/v1/namespaces/models/pods": [pod],
    "/api/v1/namespaces/other/pods": [],
  });
  expect(await read(config)).toMatchObject([{ pool: "t4", most: 2, nodes: 1, gpus: 1, used: 1, waiting: 0 }]);
});

it("does without Karpenter, without a namespace, and without sight of nodes", async () => {
  const config = await clusterWith({ "/api/v1/nodes": 403, "/api/v1/namespaces/models/pods": [pod] });
  expect(await read(config)).toMatchObject([{ pool: "t4", most: null, nodes: 0, gpus: 0, used: 1 }]);
});

it("fails where the pods may not be seen, rather than telling that nobody asks for GPUs", async () => {
  const config = await clusterWith({ "/api/v1/namespaces/models/pods": 403 });
  await expect(read(config)).rejects.toMatchObject({ code: 403 });
});
