import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { KubeConfig } from "@kubernetes/client-node";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { applyTraffic, removeTraffic, trafficStanding } from "../../../../src/adapters/kubernetes/traffic.ts";
import type { DividedRoute, TrafficSide } from "../../../../src/domain/serving/trafficRoute.ts";
import type { RolloutTraffic } from "../../../../src/domain/zoo/traffic.ts";

/** The object that divides requests, on an API server that takes server-side applies of one object and minds its resource version. */

const path = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/iris-traffic";
const side = (number: number): TrafficSide => ({
  versionId: `1${number}`,
  service: `iris-v${number}`,
  mode: "Standard",
  recorded: false,
});
const route: DividedRoute = {
  name: "iris",
  namespace: "models",
  model: "iris",
  kind: "zoo",
  managedBy: "stack",
  gateway: { name: "istio-system/menagerie", hosts: ["*"] },
  old: side(1),
  new: side(2),
};

interface Stored {
  readonly metadata: { readonly resourceVersion: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly http: readonly { readonly route: readonly { readonly weight?: number }[] }[] };
}

let stored: Stored | undefined;
let applies: number;
/** Called before each apply is judged. */
let before: () => void;
let config: KubeConfig;
let row: RolloutTraffic;

const at = (generation: number, weight: number): RolloutTraffic => {
  const pair = { model: "iris", from: "11", to: "12", hash: "b", changedAt: new Date(0) };
  return { ...pair, generation, weight, control: 0, sticky: undefined };
};
const read = async () => row;
const address = () => ({ config, namespace: "models", name: "iris", api: "istio" as const });
const weights = () => stored?.spec.http[0]?.route.map(({ weight }) => weight);
const write = (object: object) => {
  stored = {
    ...(object as Stored),
    metadata: { ...(object as Stored).metadata, resourceVersion: String(Math.random()) },
  };
};

beforeEach(async () => {
  [stored, applies, before, row] = [undefined, 0, () => {}, at(1, 10)];
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object = {}) => response.writeHead(status).end(JSON.stringify(body));
    if (new URL(request.url ?? "", "http://x").pathname !== path) return answer(404);
    if (request.method === "DELETE") {
      const wasThere = stored !== undefined;
      stored = undefined;
      return answer(wasThere ? 200 : 404);
    }
    if (request.method === "GET") return stored ? answer(200, stored) : answer(404);
    const object = JSON.parse(await text(request)) as Stored;
    applies += 1;
    before();
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== stored?.metadata.resourceVersion) {
      return answer(409, { reason: "Conflict", message: "the object has been modified" });
    }
    write(object);
    return answer(200, stored);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser({ name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: "u" });
});

it("is written from the row, and then again without a route", async () => {
  expect(await applyTraffic(address(), read)).toBeUndefined();
  expect(await applyTraffic(address(), read, route)).toBe(1);
  expect(weights()).toEqual([90, 10]);
  row = at(2, 0);
  expect(await applyTraffic(address(), read)).toBe(2);
  expect(weights()).toEqual([undefined]);
  row = { ...at(3, 50), to: "13" };
  expect(await applyTraffic(address(), read)).toBeUndefined();
});

it("has the newest row in the end, whoever is late", async () => {
  await applyTraffic(address(), read, route);
  const other = async () => {
    // Somebody else changes the row and writes the object between our look at it and our own write.
    row = at(2, 0);
    before = () => {};
    await applyTraffic(address(), read);
  };
  let changed: Promise<void> | undefined;
  before = () => {
    changed ??= other();
  };
  const applied = await applyTraffic(address(), read, route);
  await changed;
  expect(applied).toBe(2);
  expect(weights()).toEqual([undefined]);
  expect(stored?.metadata.annotations["menagerie.dev/traffic-generation"]).toBe("2");
});

it("is written again where it was written by somebody else meanwhile, and where the row changes under it", async () => {
  await applyTraffic(address(), read, route);
  before = () => {
    before = () => {};
    write(stored ?? {});
  };
  await applyTraffic(address(), read, route);
  expect(applies).toBe(3);
  before = () => {
    before = () => {};
    row = at(2, 70);
  };
  expect(await applyTraffic(address(), read, route)).toBe(2);
  expect(weights()).toEqual([30, 70]);
});

it("stands as it was written, or was changed by hand, or is gone", async () => {
  expect(await trafficStanding(address(), row)).toBe("gone");
  await applyTraffic(address(), read, route);
  expect(await trafficStanding(address(), row)).toBe("as written");
  // What a cluster adds by itself is not somebody's change.
  write({ ...stored, status: {}, spec: { ...stored?.spec, exportTo: ["*"] } });
  expect(await trafficStanding(address(), row)).toBe("as written");
  expect(await trafficStanding(address(), at(2, 50))).toBe("changed");
  expect(await trafficStanding(address(), undefined)).toBe("changed");
  expect(await trafficStanding(address(), { ...row, to: "13" })).toBe("changed");
  const written = stored;
  write({ ...stored, spec: { http: [] } });
  expect(await trafficStanding(address(), row)).toBe("changed");
  const { labels, ...metadata } = (written?.metadata ?? {}) as { labels?: Record<string, string> };
  const [label = ""] = Object.keys(labels ?? {});
  write({ ...written, metadata: { ...metadata, labels: { ...labels, [label]: "another" } } });
  expect(await trafficStanding(address(), row)).toBe("changed");
  // What others add is theirs.
  write({ ...written, metadata: { ...metadata, labels: { ...labels, theirs: "1" } } });
  expect(await trafficStanding(address(), row)).toBe("as written");
  await removeTraffic(address());
  await removeTraffic(address());
  expect(await trafficStanding(address(), row)).toBe("gone");
});
