import { declareShadowsOfConsole } from "../components/console.ts";
import { DevelopmentVersion } from "../components/developmentVersion.ts";
import { GpuNodePool } from "../components/gpuNodePool.ts";
import { ModelZooEntry } from "../components/modelZooEntry.ts";
import { ReleaseRecord } from "../components/releaseRecord.ts";
import { ShadowDeployment } from "../components/shadowDeployment.ts";
import { TrussBuildPipeline } from "../components/trussBuildPipeline.ts";
import { rolloutOutput } from "../components/zooOutputs.ts";
import type { Environment } from "./environment/environment.ts";
import type { EnvironmentOutputs } from "./environment/outputs.ts";
import { declareCluster } from "./program/cluster.ts";
import { declareEarlierGrants } from "./program/earlierGrants.ts";
import { declareMesh, declareNetwork, declareRouteGrants } from "./program/network.ts";
import { declarePipelines } from "./program/pipelines.ts";
import { declarePlatform } from "./program/platform.ts";
import { declareState } from "./program/state.ts";

/** Declares everything that the stack's config says, and answers the stack's outputs. Reads no config and does no I/O. */
export function deployEnvironment(environment: Environment): EnvironmentOutputs {
  const { spec, facts, parts, outputs } = environment;
  const namespace = declareCluster(environment);
  if (spec.builds.kind === "tekton") new TrussBuildPipeline("builds", { environment });
  for (const [name, pool] of Object.entries(spec.pools)) new GpuNodePool(name, { environment, ...pool });
  const services = declarePlatform(environment);
  if (services) declareMesh(environment, services);
  declareNetwork(environment, namespace, services);
  declareRouteGrants(environment, namespace, services);
  const release = facts.release && new ReleaseRecord("release", { environment });
  const states = declareState(environment, namespace);
  const builders = declarePipelines(environment);
  if (parts.state) parts.state = { ...parts.state, ready: [...parts.state.ready, ...builders] };
  const entries = declareZoo(environment);
  const afterModels = declarePipelines(environment, entries);
  // Versions that clients push have it too.
  if (facts.platform && facts.builds) environment.developmentPriority();
  for (const [name, version] of Object.entries(spec.development))
    new DevelopmentVersion(name, { environment, ...version });
  for (const [name, shadow] of Object.entries(spec.shadows)) new ShadowDeployment(name, { environment, ...shadow });
  if (services) declareShadowsOfConsole(environment, services, services.space);
  return {
    ...outputs,
    gatewayUrl: spec.gateway.url,
    apiUrl: services ? spec.services.apiUrl : null,
    kubeContext: spec.kubeContext ?? null,
    release: release?.close([...entries, ...builders, ...afterModels]) ?? null,
    states: states ?? null,
    schemaVersion: parts.tables?.schema.version ?? null,
    rights: declareEarlierGrants(environment),
  };
}

/** The zoo's models: those of the config, and with the automation off what the database knows beside them. */
function declareZoo(environment: Environment): ModelZooEntry[] {
  const { spec, facts, outputs, hasDatabase } = environment;
  return [...facts.zoo].flatMap(([name, plan]) => {
    const { versions, rollout } = plan;
    // A model that is off keeps what was recorded of it.
    if (versions.length === 0 && !plan.recording) {
      outputs.rollouts[name] = rolloutOutput(plan, hasDatabase);
      return [];
    }
    const recorded = {
      truss: versions[0]?.serving.truss ?? "",
      phase: rollout.request.phase,
      from: rollout.request.from,
      ...(plan.recording ? { recording: plan.recording } : {}),
    };
    return [new ModelZooEntry(name, { environment, ...(spec.zoo[name] ?? recorded) })];
  });
}
