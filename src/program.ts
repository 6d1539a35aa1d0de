import type { EnvironmentSpec } from "./config/environment.ts";
import { declareBuilds } from "./program/builds.ts";
import { declareCluster } from "./program/cluster.ts";
import { declareDevelopment } from "./program/development.ts";
import type { EnvironmentFacts } from "./program/facts.ts";
import { declareMesh, declareNetwork, declareRouteGrants } from "./program/network.ts";
import type { EnvironmentOutputs } from "./program/outputs.ts";
import { declarePipelines } from "./program/pipelines.ts";
import { declarePlatform } from "./program/platform.ts";
import { declarePools } from "./program/pools.ts";
import { declareRelease } from "./program/release.ts";
import { declareShadows } from "./program/shadows.ts";
import { declareState } from "./program/state.ts";
import { declareZoo } from "./program/zoo.ts";

/**
 * Declares everything that `spec` says, and answers the stack's outputs. Reads no config and does no I/O. Each thing that an
 * environment declares has its file in `src/program`, which joins its config, its plan and its component.
 */
export function deployEnvironment(spec: EnvironmentSpec, facts: EnvironmentFacts): EnvironmentOutputs {
  const bare = declareCluster(spec, facts);
  const builder = declareBuilds(spec, facts, bare);
  const pools = declarePools(spec, bare);
  const platform = declarePlatform(spec, facts, bare);
  if (platform) declareMesh(spec, bare, platform);
  declareNetwork(spec, bare, platform);
  const cluster = declareRouteGrants(spec, facts, bare, platform);
  const release = declareRelease(spec, facts, platform);
  // What a release is made of waits for its intent, and its end for all of them.
  const ofRelease = release ? { ...cluster, ready: [...cluster.ready, release.intent] } : cluster;
  const state = declareState(spec, facts, { cluster: ofRelease, platform });
  const builders = declarePipelines(spec, facts, { cluster: ofRelease, pools, platform, state });
  const built = state && { ...state, ready: [...state.ready, ...builders] };
  const { models, rollouts, entries } = declareZoo(spec, facts, {
    cluster: ofRelease,
    builder,
    pools,
    platform,
    state: built,
  });
  const afterModels = declarePipelines(spec, facts, { cluster: ofRelease, pools, platform, state: built }, entries);
  const development = declareDevelopment(spec, facts, { cluster, builder, pools, platform });
  const shadowed = declareShadows(spec, facts, { cluster, builder, pools, platform });
  return {
    gatewayUrl: spec.gateway.url,
    apiUrl: platform ? spec.services.apiUrl : null,
    kubeContext: spec.kubeContext ?? null,
    models: { ...models, ...development, ...shadowed.models },
    rollouts,
    release: release?.close([...entries, ...builders, ...afterModels]) ?? null,
    shadows: shadowed.shadows,
    states: state?.states ?? null,
    schemaVersion: platform?.tables.schema.version ?? null,
  };
}
