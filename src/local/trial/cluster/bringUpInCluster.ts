import type { KubeConfig, V1Namespace, V1Node, V1Pod } from "@kubernetes/client-node";
import { readIfThere, request, requestJson } from "../../../adapters/kubernetes/request.ts";
import { type Refusal, refused } from "../../../domain/refusals/refusal.ts";
import { labels, type Toleration } from "../../../domain/serving/servedModel.ts";
import {
  leasePath,
  leaseSeconds,
  modelAccount,
  modelPod,
  networkPolicyObject,
  quotaObject,
  trialLabel,
  trialNamespaceOf,
} from "../../../domain/trial/clusterObjects.ts";
import type { RunnableModel } from "../../../domain/trial/combination.ts";
import { trialSecret } from "../../../domain/trial/pod.ts";
import type { BringUp } from "../../../domain/trial/trial.ts";
import { trialPlace } from "../place.ts";
import { sweepTrials } from "../process.ts";
import { refuse, trialRefusal } from "../refusals.ts";
import { requireSecrets } from "../requireSecrets.ts";
import { RunningTrial } from "../runningTrial.ts";
import { ClusterPods } from "./clusterPods.ts";

/** A cluster that trials run in. */
export interface TrialCluster {
  readonly config: KubeConfig;
  /** Node pool of the trials' pods: nodes that are labelled `menagerie.dev/pool: <name>`. */
  readonly pool: string;
  /** The folder that holds environments: sockets of trials are beside them. */
  readonly home: string;
  /** Who asks, such as `ada@laptop`. */
  readonly owner: string;
  readonly secretFix?: string | undefined;
}

/** A trial whose lease nobody has renewed for so many of its terms was left by a keeper that never ran. */
const abandonedAfterTerms = 10;

/** Trials in a namespace of their own of a cluster, with a quota; a pod beside them deletes it when their owner is gone. */
export function bringUpInCluster({ config, pool, home, owner, secretFix = "" }: TrialCluster): BringUp {
  return async (combination, options) => {
    const { models, name } = combination;
    const { secrets, deadline, egress = false, startWithinSeconds = 1800, signal } = options;
    if (models.length === 0) throw refuse("trial.no-model", { name });
    requireSecrets(models, secrets, secretFix);
    const images = imagesOf(models);
    const tolerations = await tolerationsOf(config, pool);
    await Promise.all([sweepTrials(home), sweepNamespaces(config)]);
    signal.throwIfAborted();
    const here = trialPlace(home);
    const place = { id: here.id, pool, tolerations };
    const pods = await ClusterPods.begin({ config, place, here, owner, deadline }, images[0] ?? "");
    const trial = new RunningTrial(pods, combination, images, () => pods.end());
    try {
      const namespace = trialNamespaceOf(place.id);
      const secret = trialSecret(models, secrets, namespace);
      const objects = [
        modelAccount(place.id),
        quotaObject(place.id, models),
        ...(egress ? [] : [networkPolicyObject(place.id)]),
        secret.object,
      ];
      await pods.run(
        objects,
        models.map((model, index): V1Pod => {
          const settings = { image: images[index] ?? "", index, variables: undefined, egress, startWithinSeconds };
          return modelPod(place, model, settings);
        }),
      );
      await trial.ready(options);
      return trial;
    } catch (error) {
      await trial.dispose();
      signal.throwIfAborted();
      throw error;
    }
  };
}

/** @throws OperatorError with a line for each model that cannot run in a cluster. */
function imagesOf(models: readonly RunnableModel[]): string[] {
  const refusals: Refusal[] = [];
  const images = models.map(({ name, content, state }) => {
    if (state) refusals.push(trialRefusal("trial.cluster-state", null, { model: name }));
    if ("image" in content) return content.image;
    refusals.push(trialRefusal("trial.cluster-folder", null, { model: name, folder: content.folder }));
    return "";
  });
  if (refusals.length > 0) throw refused(refusals);
  return images;
}

/** Of every taint of the pool's nodes, and of those that Karpenter would make. */
async function tolerationsOf(config: KubeConfig, pool: string): Promise<readonly Toleration[]> {
  const nodes = await requestJson<{ items: V1Node[] }>(config, "GET", "/api/v1/nodes", {
    query: { labelSelector: `${labels.pool}=${pool}` },
  });
  const made = await readIfThere<{
    spec?: { template?: { spec?: { taints?: NonNullable<V1Node["spec"]>["taints"] } } };
  }>(config, `/apis/karpenter.sh/v1/nodepools/${pool}`);
  if (nodes.items.length === 0 && !made) {
    throw refuse("trial.no-pool", { pool, label: labels.pool });
  }
  const taints = [
    ...nodes.items.flatMap(({ spec }) => spec?.taints ?? []),
    ...(made?.spec?.template?.spec?.taints ?? []),
  ];
  const own = taints.filter(({ key }) => !/^node(\.cloudprovider)?\.kubernetes\.io\//.test(key));
  const byKey = new Map(own.map(({ key, effect }) => [`${key} ${effect}`, { key, effect }]));
  return [...byKey.values()].map(({ key, effect }) => ({
    key,
    operator: "Exists",
    effect: effect as Toleration["effect"],
  }));
}

/** Deletes namespaces of trials whose owner was killed before their keeper ran, and whose keeper found no node. */
async function sweepNamespaces(config: KubeConfig): Promise<void> {
  const { items } = await requestJson<{ items: V1Namespace[] }>(config, "GET", "/api/v1/namespaces", {
    query: { labelSelector: trialLabel },
  });
  for (const { metadata } of items) {
    const path = leasePath(metadata?.name ?? "");
    const lease = await readIfThere<{ spec?: { renewTime?: string } }>(config, path);
    const seen = new Date(lease?.spec?.renewTime ?? metadata?.creationTimestamp ?? 0).getTime();
    if (Date.now() - seen < abandonedAfterTerms * leaseSeconds * 1000) continue;
    await request(config, "DELETE", `/api/v1/namespaces/${metadata?.name}`);
  }
}
