import { ModelZooEntry } from "../../components/modelZooEntry.ts";
import { kubernetesName } from "../config/crossRules.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { Cluster } from "./cluster.ts";
import { type EnvironmentFacts, hashOf } from "./facts.ts";
import type { ModelOutput, RolloutOutput } from "./outputs.ts";
import type { Platform } from "./platform.ts";
import type { Pools } from "./pools.ts";

/** What zoo models are declared on. */
export interface ZooContext {
  readonly cluster: Cluster;
  readonly pools: Pools;
  readonly platform: Platform | undefined;
}

/** The zoo's models and their rollouts, by name of the zoo model. */
export function declareZoo(spec: EnvironmentSpec, facts: EnvironmentFacts, { cluster, pools, platform }: ZooContext) {
  const models: Record<string, ModelOutput> = {};
  const rollouts: Record<string, RolloutOutput> = {};
  for (const [name, entry] of Object.entries(spec.zoo)) {
    const { truss, phase, mode, pool } = entry;
    const trussHash = hashOf(facts, truss);
    rollouts[name] = { phase, versionId: null, version: null, hash: trussHash, since: null };
    if (phase === "off") continue;
    const { placement, resources } = pools.nodesOf(pool);
    const zooEntry = new ModelZooEntry(
      name,
      {
        ...entry,
        kubernetesName: kubernetesName(name),
        version: platform?.versionOf(name),
        namespace: spec.namespace,
        trussHash,
        builder: spec.builder,
        placement,
        secrets: facts.secretSources?.get(name),
        gateway: spec.gateway,
        readyTimeoutSeconds: spec.serving.readyTimeoutSeconds,
        kubeContext: spec.kubeContext,
      },
      { providers: [cluster.provider], dependsOn: [...cluster.ready, ...resources] },
    );
    const { versionId } = zooEntry;
    const version = platform?.plan.versions.get(name)?.number ?? null;
    rollouts[name] = { phase, versionId, version, hash: trussHash, since: null };
    models[name] = {
      name: zooEntry.service,
      namespace: spec.namespace,
      kind: "zoo",
      mode,
      pool,
      truss,
      hash: trussHash,
      versionId,
      version,
      image: zooEntry.image,
      url: zooEntry.predictUrl,
    };
  }
  return { models, rollouts };
}
