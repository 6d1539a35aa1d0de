import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { V1NodeList, V1PodList } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import type { CommandResult } from "../local/support/menagerie.ts";
import { OwnEngine } from "../local/support/ownEngine.ts";
import { flower } from "../local/support/predictDuring.ts";
import { describeStaging, differingPaths, stagingDifferences } from "../support/staging/differences.ts";
import { building, ensureKarpenter, ensureRegistryTools } from "../support/testTools.ts";
import { StagingCluster } from "./stagingCluster.ts";

/**
 * The committed stack `staging`, with the printed differences and no others, by `menagerie up -s staging` on a cluster with the real Istio, KServe,
 * Karpenter, Tekton, BuildKit and a registry: what BuildKit pushed is what nodes pull and what answers.
 */

let cluster: StagingCluster;
let engine: OwnEngine;
let key: string;

beforeAll(async () => {
  await ensureRegistryTools();
  await ensureKarpenter();
}, building);

beforeAll(async () => {
  cluster = await StagingCluster.create();
  const { url = "" } = cluster.target.databaseServer ?? {};
  engine = await OwnEngine.create(cluster.home, ["menagerie-staging"], {
    trace: false,
    env: { MENAGERIE_DATABASE_URL: url, NO_COLOR: "1" },
  });
  await succeed(engine.run(["stack", "init", "staging"]));
  console.log(describeStaging(cluster.site));
}, 600_000);

afterAll(async () => {
  await engine?.dispose();
  await cluster?.dispose();
});

async function succeed(running: Promise<CommandResult>): Promise<CommandResult> {
  const ended = await running;
  expect(ended.code, ended.stdout + ended.stderr).toBe(0);
  return ended;
}

/** A request through the gateway, under the host name that the stack's routes have. */
async function predict(model: string, body: object, headers: Readonly<Record<string, string>> = { "x-api-key": key }) {
  const outgoing = httpRequest(`${cluster.target.gatewayUrl}/serving/models/${model}/v1/models/model:predict`, {
    method: "POST",
    headers: { host: "models.staging.example.com", "content-type": "application/json", ...headers },
  });
  outgoing.end(JSON.stringify(body));
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const said = await text(answer);
  return { status: answer.statusCode ?? 0, said };
}

test("the file differs from the committed one in exactly the printed keys", async () => {
  const committed = await readFile(join(import.meta.dirname, "../../Pulumi.staging.yaml"), "utf8");
  const here = await readFile(join(cluster.home.project, "Pulumi.staging.yaml"), "utf8");
  const listed = stagingDifferences.map(({ path }) => path.join("."));
  expect(differingPaths(committed, here).sort()).toEqual(listed.sort());
});

test("`menagerie up -s staging` brings everything up", async () => {
  const { stdout } = await succeed(engine.menagerie(["up", "-s", "staging"]));
  expect(stdout).toMatch(/\d+ created/);
});

test("the pods run what BuildKit pushed and what the file names, by digest", async () => {
  const ran = await requestJson<{ items: { status: { results?: { name: string; value: string }[] } }[] }>(
    cluster.config,
    "GET",
    "/apis/tekton.dev/v1/namespaces/menagerie-builds/pipelineruns",
  );
  const pushed = ran.items.map(({ status: { results = [] } }) => {
    const value = (name: string) => results.find((each) => each.name === name)?.value;
    return `${value("IMAGE_URL")}@${value("IMAGE_DIGEST")}`;
  });
  expect(pushed.length).toBeGreaterThan(1);
  const named = new Set([...pushed, cluster.site.servicesImage]);
  expect(await cluster.images("models")).toEqual([...named].sort());
  expect(await cluster.images("menagerie")).toEqual([cluster.site.servicesImage]);
});

test("the model of pool t4 runs on a node that Karpenter made for it", async () => {
  const nodes = await requestJson<V1NodeList>(cluster.config, "GET", "/api/v1/nodes", {
    query: { labelSelector: "karpenter.sh/nodepool=t4" },
  });
  const made = nodes.items.map(({ metadata, spec }) => ({ name: metadata?.name, provider: spec?.providerID }));
  expect(made).toEqual([{ name: expect.any(String), provider: expect.stringMatching(/^kwok:/) }]);
  const pods = await requestJson<V1PodList>(cluster.config, "GET", "/api/v1/namespaces/models/pods");
  const there = pods.items.filter(({ spec }) => spec?.nodeName === made[0]?.name);
  expect(there.map(({ metadata }) => metadata?.name)).toEqual([expect.stringMatching(/^multiplier-v1-/)]);
});

test("models answer through the gateway with a key, and nobody is answered without one", async () => {
  const made = await succeed(engine.menagerie(["key", "create", "--organization", "admin", "--json"]));
  ({ key } = JSON.parse(made.stdout) as { key: string });
  const values = { values: ["3.3", "62.3", "324"] };
  await vi.waitFor(async () => expect((await predict("multiplier", values, {})).status).toBe(401), { timeout: 20_000 });
  expect(await predict("multiplier", values)).toEqual({ status: 200, said: expect.stringContaining("9.9") });
  expect((await predict("multiplier-next", values)).status).toBe(200);
  const iris = await predict("iris", flower);
  expect(iris).toMatchObject({ status: 200 });
  expect(iris.said).toContain("setosa");
  for (const headers of [{}, { "x-api-key": `${key}x` }] as Record<string, string>[]) {
    for (const model of ["iris", "multiplier", "multiplier-next"]) {
      expect((await predict(model, values, headers)).status).toBe(401);
    }
  }
});

test("a tenth of the requests reaches the shadow, and the pairs are compared", async () => {
  for (let at = 0; at < 80; at += 1) {
    expect((await predict("multiplier-next", { values: [String(at + 1)] })).status).toBe(200);
  }
  await vi.waitFor(
    async () => {
      const compared = await engine.menagerie(["compare", "multiplier-next", "-s", "staging"]);
      expect(compared.stdout + compared.stderr).toMatch(/All \d+ answers differ, by a factor of 1\.33/);
    },
    { timeout: 60_000, interval: 2_000 },
  );
});

test("a second `up` changes nothing", async () => {
  const { stdout } = await succeed(engine.menagerie(["up", "-s", "staging"]));
  expect(stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
});

test("`menagerie destroy -s staging` leaves nothing of the stack", async () => {
  await succeed(engine.menagerie(["destroy", "-s", "staging", "--yes", "staging"]));
  const { stdout } = await succeed(engine.run(["stack", "export", "-s", "staging"]));
  const { deployment } = JSON.parse(stdout) as { deployment: { resources?: { type: string }[] } };
  expect((deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
  for (const path of ["/api/v1/namespaces/models", "/apis/karpenter.sh/v1/nodepools/t4"]) {
    await expect(requestJson(cluster.config, "GET", path)).rejects.toMatchObject({ code: 404 });
  }
  const left = { labelSelector: "karpenter.sh/nodepool=t4" };
  await vi.waitFor(
    async () => {
      const nodes = await requestJson<V1NodeList>(cluster.config, "GET", "/api/v1/nodes", { query: left });
      expect(nodes.items).toEqual([]);
    },
    { timeout: 120_000, interval: 1_000 },
  );
});
