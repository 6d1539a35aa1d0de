import * as pulumi from "@pulumi/pulumi";
import { ReleaseEnvironment } from "../../components/releaseEnvironment.ts";
import { ReleaseSchema } from "../../components/releaseSchema.ts";
import { SharedEnvironment } from "../../components/sharedEnvironment.ts";
import { urlOf } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import {
  type ReleaseModelAddress,
  releaseEnvironment,
  sharedEnvironment,
  sharedEnvironmentName,
} from "../domain/release/environment.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import { apiUrlInCluster } from "../domain/serving/apiService.ts";
import { type EnvironmentSource, predictorHost, readyPath } from "../domain/serving/servedModel.ts";
import { ReleaseRetention } from "../resources/releaseRetention.ts";
import type { Cluster } from "./cluster.ts";
import type { EnvironmentFacts } from "./facts.ts";
import type { StateOutput } from "./outputs.ts";
import type { Platform } from "./platform.ts";

/** The state of the stack's release, for what runs in it. */
export interface ReleaseOfStack {
  readonly schema: ReleaseSchema;
  /** For what works in the state: its pods start anew with each release. */
  readonly environment: EnvironmentSource;
  /** For everything else: the same in every release. */
  readonly shared: EnvironmentSource;
  /** What a workload of the release waits for. */
  readonly ready: readonly pulumi.Resource[];
  /** By tag, the current release and those that are kept. */
  readonly states: Readonly<Record<string, StateOutput>>;
}

/** The states of the stack's release and of those that are kept; undefined for a stack without any. */
export function declareState(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  { cluster, platform }: { readonly cluster: Cluster; readonly platform: Platform | undefined },
): ReleaseOfStack | undefined {
  const { state: plan } = facts;
  if (!plan || !spec.state || !platform) return undefined;
  const { schemas: folder, parallel, dumpTo, extensions } = spec.state;
  const states: Record<string, StateOutput> = {};
  const declareRelease = (state: PlannedState, values: Readonly<Record<string, string>> | undefined) => {
    const current = state === plan.current;
    const schema = new ReleaseSchema(
      state.tag,
      { ...state, extensions: current ? extensions : undefined, folder, parallel, current, url: platform.url },
      { providers: [platform.postgres], dependsOn: [platform.tables, ...cluster.ready] },
    );
    const environment =
      values &&
      new ReleaseEnvironment(
        state.tag,
        {
          tag: state.tag,
          namespace: spec.namespace,
          values,
          logins: { service: schema.service, pipeline: schema.pipeline },
          databaseUrl: (user, password) =>
            urlOf({ ...server, user, password, maintenanceDatabase: platformDatabase }, platformDatabase),
        },
        { providers: [cluster.provider], dependsOn: cluster.namespace },
      );
    const { tag, values: _, ...stored } = state;
    states[tag] = { ...stored, current, namespace: spec.namespace, ...(values ? { values } : {}) };
    return { schema, environment };
  };
  const { host, port, sslMode } = spec.database ?? platform.plan.server;
  const server = { host, port, sslMode };
  const everywhere = { database: server, apiUrl: apiUrlInCluster(spec.services.namespace) };
  const shared = new SharedEnvironment(
    sharedEnvironmentName,
    { namespace: spec.namespace, values: sharedEnvironment(everywhere) },
    { providers: [cluster.provider], dependsOn: cluster.namespace },
  );
  const { tag, schema: name } = plan.current;
  const values = releaseEnvironment({ ...everywhere, tag, schema: name, models: modelsOf(spec, facts) });
  const { schema, environment } = declareRelease(plan.current, values);
  if (!environment) throw new Error("the current release has an environment");
  for (const kept of plan.kept) declareRelease(kept, kept.values);
  pulumi.log.info(`state ${plan.current.tag}: ${plan.description}`, schema);
  for (const lost of plan.lost) pulumi.log.warn(`state ${lost}`, schema);
  for (const retired of plan.retired) pulumi.log.info(`state in schema "${retired}" will be dropped`, schema);
  for (const [held, reasons] of plan.heldBy)
    pulumi.log.info(`state in schema "${held}" stays, for ${reasons.join(", ")}`, schema);
  new ReleaseRetention(
    "releases",
    {
      environment: plan.environment,
      keep: [plan.current, ...plan.kept].map((state) => state.schema).sort(),
      retire: [...plan.retired],
      dumpTo: dumpTo ?? null,
      ...(platform.url === undefined ? {} : { database: platform.url }),
    },
    { dependsOn: schema.state },
  );
  return {
    schema,
    states,
    environment: environment.service,
    shared: shared.source,
    ready: [shared, environment, schema],
  };
}

/** Models as the release names them; those that are not served here have no url. */
function modelsOf({ namespace }: EnvironmentSpec, { release }: EnvironmentFacts): ReleaseModelAddress[] {
  return (release?.intent.planned ?? []).map(({ name, version, source, service }) => ({
    name,
    identifier: source.startsWith("models:/") ? source : `${name}-v${version}`,
    url: service === null ? null : `http://${predictorHost(service, namespace).host}${readyPath}:predict`,
  }));
}
