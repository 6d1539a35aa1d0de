import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ReleaseEnvironment } from "../../components/releaseEnvironment.ts";
import { ReleaseSchema } from "../../components/releaseSchema.ts";
import { SharedEnvironment } from "../../components/sharedEnvironment.ts";
import { type ReleaseModelAddress, sharedEnvironmentName } from "../domain/release/environment.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import { activatorBackend } from "../domain/serving/activator.ts";
import { hostOf } from "../domain/serving/route.ts";
import { answeringOrigin, readyPath } from "../domain/serving/servedModel.ts";
import { sleeps } from "../domain/zoo/serving.ts";
import type { Environment } from "../environment/environment.ts";
import { given } from "../environment/given.ts";
import type { StateOutput } from "../environment/outputs.ts";
import { ReleaseRetention } from "../resources/releaseRetention.ts";

/** The states of the stack's release and of those that are kept, by tag; undefined for a stack without any. */
export function declareState(
  environment: Environment,
  namespace: kubernetes.core.v1.Namespace,
): Readonly<Record<string, StateOutput>> | undefined {
  const { spec, facts, parts } = environment;
  const { state: plan } = facts;
  if (!plan || !spec.state) return undefined;
  const { schemas, parallel, tables, dumpTo, extensions } = spec.state;
  const states: Record<string, StateOutput> = {};
  const declareRelease = (state: PlannedState) => {
    const current = state === plan.current;
    const of = { environment, schemas, parallel, tables, current, extensions: current ? extensions : undefined };
    const schema = new ReleaseSchema(state.tag, of);
    parts.releases.push({ schema, state });
    const { tag, values, ...stored } = state;
    // A release of before there were ConfigMaps has none.
    const models = current ? modelsOf(environment) : undefined;
    const args = { environment, release: schema, models, values };
    const configured = current || values ? new ReleaseEnvironment(tag, args, { dependsOn: namespace }) : undefined;
    states[tag] = { ...stored, current, namespace: spec.namespace, ...given({ values: configured?.values }) };
    return schema;
  };
  new SharedEnvironment(sharedEnvironmentName, { environment }, { dependsOn: namespace });
  const schema = declareRelease(plan.current);
  for (const kept of plan.kept) declareRelease(kept);
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
  return states;
}

/** Models as the release names them; those that are not served here have no url. */
function modelsOf({ spec: { namespace, services }, facts: { release, zoo } }: Environment): ReleaseModelAddress[] {
  const versions = [...zoo.values()].flatMap((plan) => plan.versions);
  const originOf = (service: string): string => {
    const version = versions.find((each) => each.service === service);
    // Its own Service is gone while it sleeps.
    if (version && sleeps(version.serving)) return `http://${hostOf(activatorBackend(service, services.namespace))}`;
    return answeringOrigin({ service, recorded: version?.recording !== undefined }, namespace);
  };
  return (release?.intent.planned ?? []).map(({ name, version, source, service }) => ({
    name,
    identifier: source.startsWith("models:/") ? source : `${name}-v${version}`,
    url: service === null ? null : `${originOf(service)}${readyPath}:predict`,
  }));
}
