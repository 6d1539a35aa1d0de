import * as kubernetes from "@pulumi/kubernetes";
import { DevelopmentVersion } from "../../components/developmentVersion.ts";
import { declared } from "../../components/ownership.ts";
import { kubernetesName } from "../config/crossRules.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { baseHashOf } from "../domain/development/plan.ts";
import { apiBackend } from "../domain/serving/apiService.ts";
import { developmentPriority } from "../domain/serving/priorityClass.ts";
import { type EnvironmentFacts, hashOf } from "./facts.ts";
import type { ModelOutput } from "./outputs.ts";
import type { ZooContext } from "./zoo.ts";

/** The development versions, by model name. */
export function declareDevelopment(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  { cluster, builder, pools, platform }: ZooContext,
): Record<string, ModelOutput> {
  const models: Record<string, ModelOutput> = {};
  const entries = Object.entries(spec.development);
  if (entries.length === 0 && !(platform && facts.builds)) return models;
  if (!platform) throw new Error("development versions need the platform's database");
  // Versions that clients push have it too.
  const priority = developmentPriority(spec.namespace);
  const priorityClass = new kubernetes.scheduling.v1.PriorityClass(
    "development",
    { ...priority, metadata: declared(priority.metadata) },
    { provider: cluster.provider },
  );
  for (const [name, version] of entries) {
    const { truss, mode, pool } = version;
    const trussHash = hashOf(facts, truss);
    const planned = facts.development?.get(name);
    if (!planned) throw new Error(`the program was not told the plan of ${name}`);
    const { placement, resources } = pools.nodesOf(pool);
    const { services } = platform;
    const made = new DevelopmentVersion(
      name,
      {
        ...version,
        kubernetesName: kubernetesName(name),
        namespace: spec.namespace,
        trussHash,
        plan: planned.plan,
        deployed: planned.deployed,
        declaredBefore: planned.declaredBefore,
        number: planned.number,
        versionId: planned.versionId,
        builder,
        secrets: facts.secretSources?.get(name),
        placement,
        priorityClass: priorityClass.metadata.name,
        gateway: spec.gateway,
        api: {
          url: spec.services.apiUrl,
          key: services.adminKey,
          backend: apiBackend(spec.services.namespace),
          pingUrl: (versionId) => services.pingUrl(versionId),
          ready: services,
        },
        database: platform.url,
        readyTimeoutSeconds: spec.serving.readyTimeoutSeconds,
        kubeContext: spec.kubeContext,
      },
      { providers: [cluster.provider], dependsOn: [...cluster.ready, ...resources, platform.tables] },
    );
    models[name] = {
      name: made.service,
      namespace: spec.namespace,
      kind: "development",
      mode,
      pool,
      truss,
      hash: trussHash,
      baseHash: baseHashOf(planned.plan, planned.deployed),
      versionId: made.versionId,
      version: planned.number,
      image: made.image,
      url: made.predictUrl,
    };
  }
  return models;
}
