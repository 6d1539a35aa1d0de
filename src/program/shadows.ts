import { ShadowDeployment, type ShadowedModel } from "../../components/shadowDeployment.ts";
import type { EnvironmentSpec, ShadowedModelSpec } from "../config/environment.ts";
import { isIstioGateway } from "../domain/serving/copyLimits.ts";
import { contentVersion } from "../domain/shadow/evidence.ts";
import { noiseSide, primarySide, shadowSchema, shadowService } from "../domain/shadow/names.ts";
import { type EnvironmentFacts, hashOf } from "./facts.ts";
import type { ModelOutput, ShadowOutput, ShadowSideOutput } from "./outputs.ts";
import type { ZooContext } from "./zoo.ts";

/** What a recorder keeps on its own disk while the database is away, in mebibytes. */
const recorderLogMebibytes = 1024;
/** Where the image of all services has the recorder, as in a checkout. */
const recorderCommand = ["node", "src/services/recorder/main.ts"];

/** The shadow deployments, by name. */
export function declareShadows(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  { cluster, builder, pools, platform }: ZooContext,
) {
  const models: Record<string, ModelOutput> = {};
  const shadows: Record<string, ShadowOutput> = {};
  const entries = Object.entries(spec.shadows);
  if (entries.length === 0) return { models, shadows };
  if (!platform) throw new Error("shadow deployments need the platform's database");
  const recorder = {
    image: platform.serviceImage("recorder"),
    ...(spec.services.image === undefined ? {} : { command: recorderCommand }),
    logMebibytes: recorderLogMebibytes,
  };
  for (const [name, deployment] of entries) {
    const { primary, percent, compare, gate, retentionDays, noiseFloor } = deployment;
    const side = (of: string, model: ShadowedModelSpec, mode = model.mode): ShadowedModel => {
      const { truss, env, replicas, resources, pool } = model;
      const { placement, resources: dependsOn } = pools.nodesOf(pool);
      const trussHash = hashOf(facts, truss);
      const service = shadowService(name, of);
      return {
        service,
        truss,
        trussHash,
        mode,
        env,
        replicas,
        resources,
        placement,
        dependsOn,
        // The noise floor's copy is the primary, with the secrets of the primary.
        secrets: facts.secretSources?.get(shadowService(name, of === noiseSide ? primarySide : of)),
        schema: shadowSchema(name, of),
        version: contentVersion(trussHash, env),
      };
    };
    const sides = {
      primary: side(primarySide, primary),
      shadows: Object.fromEntries(Object.entries(deployment.shadows).map(([each, model]) => [each, side(each, model)])),
      noise: noiseFloor ? side(noiseSide, primary, "Standard") : undefined,
    };
    const made = new ShadowDeployment(
      name,
      {
        name,
        namespace: spec.namespace,
        builder,
        primary: sides.primary,
        shadows: { ...sides.shadows, ...(sides.noise ? { [noiseSide]: sides.noise } : {}) },
        percent,
        retentionDays,
        urlFor: platform.urlFor,
        database: platform.url,
        // Only where its API does not say so.
        gateway: {
          ...spec.gateway,
          ...(isIstioGateway(spec) && spec.gateway.api !== "istio" ? { isIstio: true } : {}),
        },
        recorder: { ...recorder, storedHeaders: deployment.storeHeaders },
        readyTimeoutSeconds: spec.serving.readyTimeoutSeconds,
        kubeContext: spec.kubeContext,
      },
      { providers: [cluster.provider, platform.postgres], dependsOn: [...cluster.ready, platform.tables] },
    );
    const { service, truss, trussHash: hash, mode } = sides.primary;
    models[name] = {
      name: service,
      namespace: spec.namespace,
      kind: "shadow",
      mode,
      pool: primary.pool,
      truss,
      hash,
      versionId: null,
      version: null,
      image: made.image,
      url: made.predictUrl,
    };
    shadows[name] = {
      url: made.predictUrl,
      percent,
      compare,
      gate: gate ?? null,
      retentionDays,
      primary: shown(sides.primary),
      shadows: Object.fromEntries(Object.entries(sides.shadows).map(([each, model]) => [each, shown(model)])),
      noise: sides.noise ? shown(sides.noise) : null,
    };
  }
  return { models, shadows };
}

function shown({ service, truss, trussHash, version, schema }: ShadowedModel): ShadowSideOutput {
  return { service, truss, hash: trussHash, version, schema };
}
