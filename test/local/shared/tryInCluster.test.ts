import { readdir } from "node:fs/promises";
import type { KubeConfig, V1Namespace, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestJson } from "../../../src/adapters/kubernetes/request.ts";
import { trialLabel } from "../../../src/domain/trial/clusterObjects.ts";
import { environmentLayout } from "../../../src/local/layout.ts";
import { trialsFolder } from "../../../src/local/trial/place.ts";
import { hostProcesses } from "../support/menagerie.ts";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/** docs/try.md in a cluster: the embedded one as the foreign one, with a pool of the trial's own whose node claims a GPU. */

let shared: SharedEnvironment;
let config: KubeConfig;
let inCluster: { readonly args: string[]; readonly env: Record<string, string> };

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const pool = "    spare: { gpu: { kind: t4, perNode: 1 }, replicas: 1, capacity: { cpu: '8', memory: 32Gi } }\n";
  await shared.editStack((text) => text.replace("  menagerie:pools:\n", `  menagerie:pools:\n${pool}`));
  await shared.up();
  config = shared.kubeConfig();
  const all = await shared.json<{ id: string; until: string | null }[]>("releases", "--json");
  const current = all.find(({ until }) => until === null)?.id ?? "";
  inCluster = {
    args: ["try", current, "--model", "multiplier", "--cluster", config.getCurrentContext(), "--pool", "spare"],
    env: { KUBECONFIG: environmentLayout("local", shared.home.path).kubeconfig },
  };
});

afterAll(() => shared?.close());

/** Names of objects of the whole cluster that belong to trials. */
async function labelled(path: string): Promise<string[]> {
  const query = { labelSelector: trialLabel };
  const { items } = await requestJson<{ items: V1Namespace[] }>(config, "GET", path, { query });
  return items.map(({ metadata }) => metadata?.name ?? "");
}

/** Names of trials' namespaces, and of what they have of the whole cluster. */
async function left(): Promise<string[]> {
  const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  return [...(await labelled("/api/v1/namespaces")), ...(await labelled(roles))];
}

const podName = ({ metadata }: V1Pod) => metadata?.name;

/** To the command that owns the trial. */
function signalOwner(signal: NodeJS.Signals): void {
  const command = `${shared.home.project}/src/cli/main.ts try `;
  const owner = hostProcesses().find((each) => each.command.includes(command));
  if (!owner) throw new Error("the owner of the trial has ended by itself");
  process.kill(owner.pid, signal);
}

const asks = `
  const body = JSON.stringify({ values: ["3"] });
  const answer = await fetch(process.env.MULTIPLIER_URL, { method: "POST", headers: { "content-type": "application/json" }, body });
  console.log(await answer.text());`;

test("a release answers from a namespace of its own, which is gone afterwards", async () => {
  const { args, env } = inCluster;
  const command = ["--", process.execPath, "--input-type=module", "-e", asks];
  const tried = await shared.home.menagerie([...args, ...command], { env });
  expect(tried.code, tried.stderr).toBe(0);
  expect(JSON.parse(tried.stdout)).toEqual({ results: [6] });
  await expect.poll(left).toEqual([]);
  expect(await readdir(trialsFolder(shared.home.path))).toEqual([]);
});

test("its quota holds what its models ask for and no more; at the end of its time the namespace goes", async () => {
  const { args, env } = inCluster;
  const tried = shared.home.menagerie([...args, "--for", "60s", "--json"], { env });
  await expect.poll(() => labelled("/api/v1/namespaces")).toHaveLength(1);
  const [namespace = ""] = await labelled("/api/v1/namespaces");
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const all = async () => (await requestJson<{ items: V1Pod[] }>(config, "GET", pods)).items;
  await expect.poll(async () => (await all()).map(podName).sort()).toEqual(["keeper", "multiplier-0"]);
  // It claims a GPU, as it does live, and the scheduler gives it that of the pool, past the taint of its node.
  const model = async () => (await all()).find((pod) => podName(pod) === "multiplier-0");
  await expect.poll(async () => (await model())?.spec?.nodeName).toBe("spare-0");
  expect((await model())?.spec?.containers[0]?.resources?.limits).toMatchObject({ "nvidia.com/gpu": "1" });
  const quota = `/api/v1/namespaces/${namespace}/resourcequotas/trial`;
  const gpus = { "requests.nvidia.com/gpu": "1" };
  await expect
    .poll(() => requestJson(config, "GET", quota))
    .toMatchObject({ status: { hard: gpus, used: { ...gpus, pods: "2" } } });
  const another = { apiVersion: "v1", kind: "Pod", metadata: { name: "another" } };
  const spec = { containers: [{ name: "another", image: "none" }] };
  await expect(requestJson(config, "POST", pods, { body: { ...another, spec } })).rejects.toThrow(
    /exceeded quota: trial/,
  );
  const policies = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/no-egress`;
  expect(await requestJson(config, "GET", policies)).toMatchObject({ spec: { policyTypes: ["Egress"] } });
  expect(await tried).toMatchObject({ code: 1, stderr: expect.stringContaining("the trial ended by itself") });
  expect(await left()).toEqual([]);
});

test("Ctrl-C, its usual end, deletes the namespace, and so it does while models start", async () => {
  const { args, env } = inCluster;
  const nothing = async () => expect([await left(), await readdir(trialsFolder(shared.home.path))]).toEqual([[], []]);
  const stays = await shared.home.menagerie([...args, "--json"], { env, interruptAt: /"url"/ });
  expect(stays.code, stays.stderr).toBe(0);
  await nothing();
  const starting = shared.home.menagerie(args, { env });
  await expect.poll(() => labelled("/api/v1/namespaces")).toHaveLength(1);
  signalOwner("SIGINT");
  expect((await starting).code).toBe(130);
  await nothing();
});

test("after kill -9 of its owner the lease ends, and with it the namespace", async () => {
  const { args, env } = inCluster;
  const tried = shared.home.menagerie([...args, "--json"], { env });
  const query = { labelSelector: "menagerie.dev/trial-part=keeper" };
  // One that is killed before its keeper runs leaves a namespace to the next trial.
  await expect
    .poll(async () => {
      const { items } = await requestJson<{ items: V1Pod[] }>(config, "GET", "/api/v1/pods", { query });
      return items.map(({ status }) => status?.phase);
    })
    .toEqual(["Running"]);
  signalOwner("SIGKILL");
  expect((await tried).code).toBe(null);
  expect(await left()).not.toEqual([]);
  // Longer than a lease, which nothing here shortens.
  while ((await left()).length > 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
});

test("a pool that the cluster does not have is named", async () => {
  const { args, env } = inCluster;
  const tried = await shared.home.menagerie([...args.slice(0, -1), "nowhere"], { env });
  expect([tried.code, tried.stderr]).toEqual([2, expect.stringContaining("--pool nowhere")]);
  expect(await left()).toEqual([]);
});
