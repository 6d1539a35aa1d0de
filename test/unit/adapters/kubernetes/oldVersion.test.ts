import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readiness, readyPods } from "../../../../src/adapters/kubernetes/oldVersion.ts";

const pod = (component: string, change: object) => ({
  metadata: { labels: { component }, ...change },
  status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-30T14:00:10Z" }] },
});
const items = [
  pod("predictor", {}),
  { ...pod("predictor", {}), status: { conditions: [{ type: "Ready", status: "False" }] } },
  pod("predictor", { deletionTimestamp: "2026-11-30T14:00:11Z" }),
  {
    ...pod("transformer", {}),
    status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-30T14:00:20Z" }] },
  },
];
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(decodeURIComponent(request.url ?? ""));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ items }));
});
const config = new KubeConfig();

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser({ name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: "u" });
});

afterAll(() => void server.close());

test("a version is ready since when its pods are, recorders' among them; those that are about to go are not counted", async () => {
  const since = ["2026-11-30T14:00:10Z", "2026-11-30T14:00:20Z"].map((at) => Date.parse(at) / 1000);
  expect(await readiness(config, "models", "iris-v2")).toEqual({ pods: 1, since });
  expect(await readyPods(config, "models", "iris-v2")).toBe(1);
  expect(asked[0]).toBe("/api/v1/namespaces/models/pods?labelSelector=serving.kserve.io/inferenceservice=iris-v2");
});
