import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ReleaseEnvironment } from "../../components/releaseEnvironment.ts";
import { ReleaseSchema } from "../../components/releaseSchema.ts";
import { SharedEnvironment } from "../../components/sharedEnvironment.ts";
import { urlOf } from "../adapters/postgres/server.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import {
  type ReleaseModelAddress,
  releaseEnvironment,
  sharedEnvironment,
  sharedEnvironmentName,
} from "../domain/release/environment.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import { apiUrlInCluster } from "../domain/serving/apiService.ts";
import { predictorHost, readyPath } from "../domain/serving/servedModel.ts";
import type { Environment } from "../environment/environment.ts";
import type { StateOutput } from "../environment/outputs.ts";
import { ReleaseRetention } from "../resources/releaseRetention.ts";

/** The states of the stack's release and of those that are kept, by tag; undefined for a stack without any. */
export function declareState(
  environment: Environment,
  namespace: kubernetes.core.v1.Namespace,
): Readonly<Record<string, StateOutput>> | undefined {
  const { spec, facts, platform, cluster, postgres, database, parts, tables } = environment;
  const { state: plan } = facts;
  if (!plan || !spec.state) return undefined;
  const { schemas: folder, parallel, dumpTo, extensions } = spec.state;
  const states: Record<string, StateOutput> = {};
  const declareRelease = (state: PlannedState, values: Readonly<Record<string, string>> | undefined) => {
    const current = state === plan.current;
    const schema = new ReleaseSchema(
      state.tag,
      { ...state, extensions: current ? extensions : undefined, folder, parallel, current, url: database },
      { providers: [postgres], dependsOn: [...tables, ...parts.ready, ...parts.ofRelease] },
    );
    const configured =
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
        { providers: [cluster], dependsOn: namespace },
      );
    const { tag, values: _, ...stored } = state;
    states[tag] = { ...stored, current, namespace: spec.namespace, ...(values ? { values } : {}) };
    return { schema, configured };
  };
  const { host, port, sslMode } = spec.database ?? platform.server;
  const server = { host, port, sslMode };
  const everywhere = { database: server, apiUrl: apiUrlInCluster(spec.services.namespace) };
  const shared = new SharedEnvironment(
    sharedEnvironmentName,
    { namespace: spec.namespace, values: sharedEnvironment(everywhere) },
    { providers: [cluster], dependsOn: namespace },
  );
  const { tag, schema: name } = plan.current;
  const values = releaseEnvironment({ ...everywhere, tag, schema: name, models: modelsOf(environment) });
  const { schema, configured } = declareRelease(plan.current, values);
  if (!configured) throw new Error("the current release has an environment");
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
      ...environment.onDatabase,
    },
    { dependsOn: schema.state },
  );
  parts.state = {
    environment: configured.service,
    shared: shared.source,
    ready: [shared, configured, schema],
  };
  return states;
}

/** Models as the release names them; those that are not served here have no url. */
function modelsOf({ spec: { namespace }, facts: { release } }: Environment): ReleaseModelAddress[] {
  return (release?.intent.planned ?? []).map(({ name, version, source, service }) => ({
    name,
    identifier: source.startsWith("models:/") ? source : `${name}-v${version}`,
    url: service === null ? null : `http://${predictorHost(service, namespace).host}${readyPath}:predict`,
  }));
}
