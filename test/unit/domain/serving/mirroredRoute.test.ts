import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { inferenceServiceManifest } from "../../../../src/domain/serving/inferenceService.ts";
import { mirroredRouteManifest } from "../../../../src/domain/serving/mirroredRoute.ts";
import { revisionOf } from "../../../../src/domain/serving/revision.ts";
import type { ServedModel } from "../../../../src/domain/serving/servedModel.ts";
import { createGateway } from "../../../../src/local/gateway/gateway.ts";
import { buildRouteTable } from "../../../../src/local/gateway/routing.ts";
import type { VirtualService } from "../../../../src/local/gateway/virtualService.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const route = mirroredRouteManifest({
  ...{ name: "next", namespace: "models", model: "next", kind: "shadow", managedBy: "stack" },
  gateway: { name: "istio-system/menagerie", hosts: ["*"] },
  primary: { service: "next-primary", mode: "Standard" },
  shadows: ["next-a", "next-b"],
  percent: 100,
});

/** A server that says who it is, and keeps the request ids and paths that it saw. */
async function side(name: string) {
  const seen: { id: unknown; path: string }[] = [];
  const server = createServer((incoming, response) => {
    seen.push({ id: incoming.headers["x-request-id"], path: incoming.url ?? "" });
    incoming.resume().on("end", () => response.end(name));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  closing.push(stop);
  return { seen, stop, port: (server.address() as { port: number }).port };
}

/** The embedded gateway with the route as it is rendered, but for the ports of the Services. */
async function gatewayTo(ports: Readonly<Record<string, number>>): Promise<string> {
  const text = JSON.stringify(route, (key, value: { host?: string } | undefined) =>
    key === "destination" ? { host: value?.host, port: { number: ports[value?.host?.split(".")[0] ?? ""] } } : value,
  );
  const resolver = { cached: () => undefined, resolve: async () => "127.0.0.1", forget: () => {} };
  const gateway = createGateway({ resolver, log: () => {} });
  gateway.use(buildRouteTable([JSON.parse(text) as VirtualService]));
  closing.push(() => gateway.close(0));
  return `http://127.0.0.1:${await gateway.listen({ host: "127.0.0.1", port: 0 })}/serving/models/next`;
}

async function sides() {
  const [primary, a, b] = [await side("primary"), await side("a"), await side("b")];
  const url = await gatewayTo({
    "next-primary-transformer": primary.port,
    "next-a-transformer": a.port,
    "next-b-transformer": b.port,
  });
  return { primary, a, b, url };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a mirrored route", () => {
  it("is answered by the primary, and every shadow gets a copy under the same request id", async () => {
    const { primary, a, b, url } = await sides();
    const answer = await fetch(`${url}/v1/models/model:predict`, { method: "POST", body: "{}" });
    expect(await answer.text()).toBe("primary");
    await until(() => a.seen.length > 0 && b.seen.length > 0);
    expect(primary.seen).toEqual([{ id: expect.stringMatching(/\S/), path: "/v1/models/model:predict" }]);
    expect(a.seen).toEqual(primary.seen);
    expect(b.seen).toEqual(primary.seen);
  });

  it("a primary that is down is no shadow's turn", async () => {
    const { primary, a, url } = await sides();
    await primary.stop();
    const answer = await fetch(`${url}/v1/models/model:predict`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(503);
    await until(() => a.seen.length > 0);
    expect(a.seen).toHaveLength(1);
  });

  it("a shadow that is down costs no request anything", async () => {
    const { a, b, url } = await sides();
    await a.stop();
    for (let sent = 0; sent < 20; sent += 1) {
      const answer = await fetch(`${url}/v1/models/model:predict`, { method: "POST", body: "{}" });
      expect(await answer.text()).toBe("primary");
    }
    await until(() => b.seen.length === 20);
    expect(b.seen).toHaveLength(20);
  });

  it("leads to nothing but `/v1/`", async () => {
    const { primary, a, url } = await sides();
    expect((await fetch(`${url}/control/patch`, { method: "POST", body: "{}" })).status).toBe(404);
    expect([primary.seen, a.seen]).toEqual([[], []]);
  });

  it("goes by Knative's gateway where the primary does, while copies go straight to the shadows", () => {
    const [rule] = mirroredRouteManifest({
      ...{ name: "next", namespace: "models", model: "next", kind: "shadow", managedBy: "stack" },
      gateway: { name: "g/g", hosts: ["*"] },
      primary: { service: "next-primary", mode: "Knative" },
      shadows: ["next-a"],
      percent: 10,
    }).spec.http;
    expect(rule?.route).toEqual([
      { destination: { host: "knative-local-gateway.istio-system.svc.cluster.local", port: { number: 80 } } },
    ]);
    expect(rule?.rewrite.authority).toBe("next-primary-transformer.models.svc.cluster.local");
    expect(rule?.mirrors).toEqual([
      {
        destination: { host: "next-a-transformer.models.svc.cluster.local", port: { number: 80 } },
        percentage: { value: 10 },
      },
    ]);
  });
});

describe("a recorded model", () => {
  const model: ServedModel = {
    ...{ name: "next-a", namespace: "models", model: "next", kind: "shadow", managedBy: "stack", mode: "Standard" },
    ...{ image: "i@sha256:1", trussHash: "h", env: {}, replicas: { min: 1, max: 1 } },
    resources: { cpu: "1", memory: "1Gi", gpus: 1 },
    placement: { pool: "t4", tolerations: [] },
    recorder: {
      ...{ image: "r@sha256:2", secretName: "next-a-recorder", secretRevision: "1", schema: "shadow_next_a" },
      ...{ version: "v", replicas: 2, storedHeaders: ["x-tenant"], logMebibytes: 64 },
    },
  };

  it("has its recorder in front, on ordinary nodes, with its own login and no other secret", () => {
    const { transformer } = inferenceServiceManifest(model).spec;
    const [container] = transformer?.containers ?? [];
    expect(transformer).toMatchObject({ minReplicas: 2, nodeSelector: { "menagerie.dev/pool": "cpu" } });
    expect(container?.env).toContainEqual({
      name: "MENAGERIE_DATABASE_URL",
      valueFrom: { secretKeyRef: { name: "next-a-recorder", key: "url" } },
    });
    expect(container?.readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: 8080 } });
    expect(transformer?.volumes).toEqual([{ name: "recorder-log", emptyDir: { sizeLimit: "192Mi" } }]);
  });

  it("gets new pods when the recorder's login changes", () => {
    const { recorder } = model;
    if (!recorder) throw new Error("the model has a recorder");
    const changed = { ...model, recorder: { ...recorder, secretRevision: "2" } };
    expect(revisionOf(inferenceServiceManifest(changed))).not.toBe(revisionOf(inferenceServiceManifest(model)));
  });
});
