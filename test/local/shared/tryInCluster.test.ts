import { readdir } from "node:fs/promises";
import type { KubeConfig, V1Namespace } from "@kubernetes/client-node";
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

/** Names of trials' namespaces, and of what they have of the whole cluster. */
async function left(): Promise<string[]> {
  const query = { labelSelector: trialLabel };
  const paths = ["/api/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1/clusterroles"];
  const lists = await Promise.all(
    paths.map((path) => requestJson<{ items: V1Namespace[] }>(config, "GET", path, { query })),
  );
  return lists.flatMap(({ items }) => items.map(({ metadata }) => metadata?.name ?? ""));
}

const asks = `
  const body = JSON.stringify({ values: ["3"] });
  const answer = await fetch(process.env.MULTIPLIER_URL, { method: "POST", headers: { "content-type": "application/json" }, body });
  console.log(await answer.text());`;

test("a release answers from a namespace of its own, which is gone afterwards", async () => {
  const { args, env } = inCluster;
  const command = ["--", process.execPath, "--input-type=module", "-e", asks];
  const tried = await shared.home.menagerie([...args, ...command], { env });
  expect(tried, tried.stderr).toMatchObject({ code: 0, stdout: '{"results": [6.0]}\n' });
  await expect.poll(left).toEqual([]);
  expect(await readdir(trialsFolder(shared.home.path))).toEqual([]);
});

test("after kill -9 of its owner the lease ends, and with it the namespace", async () => {
  const { args, env } = inCluster;
  let killed = false;
  const killing = setInterval(() => {
    const owner = hostProcesses().find(({ command }) => command.includes(" try ") && command.includes("--pool spare"));
    if (!owner || killed) return;
    void left().then((names) => {
      if (names.length < 2 || killed) return;
      killed = true;
      process.kill(owner.pid, "SIGKILL");
    });
  }, 500);
  const tried = await shared.home.menagerie([...args, "--json"], { env });
  clearInterval(killing);
  expect(tried.code).not.toBe(0);
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
