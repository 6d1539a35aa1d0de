import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { frontPorts } from "../src/domain/serving/activator.ts";
import { type ModelRoute, modelRoute } from "../src/domain/serving/modelRoute.ts";
import type { Route } from "../src/domain/serving/route.ts";
import { stickyHeaderManifest } from "../src/domain/serving/stickyHeader.ts";
import {
  type DividedRoute,
  type TrafficSide,
  trafficObject,
  trafficPlace,
} from "../src/domain/serving/trafficRoute.ts";
import { kubernetesName } from "../src/domain/zoo/plan.ts";
import { sleeps } from "../src/domain/zoo/serving.ts";
import { stickyHeaderOf } from "../src/domain/zoo/traffic.ts";
import type { Environment } from "../src/environment/environment.ts";
import { given } from "../src/environment/given.ts";
import { declared } from "../src/environment/ownership.ts";
import type { ServedPlan, ZooModelPlan } from "../src/plan/zooModel.ts";
import { RolloutTraffic } from "../src/resources/rolloutTraffic.ts";
import type { ServedVersion } from "./servedVersion.ts";

/** A zoo model whose requests two versions may answer. */
export interface DividedModel {
  readonly environment: Environment;
  readonly plan: ZooModelPlan;
  /** Paths of its own. */
  readonly paths: readonly string[] | undefined;
  /** By service. */
  readonly served: ReadonlyMap<string, ServedVersion>;
}

/** Declares what divides a model's own requests, once both versions are registered and answer; undefined where one answers them all. */
export function divideRequests(
  { environment, plan, paths, served }: DividedModel,
  { parent, dependsOn }: { readonly parent: pulumi.Resource; readonly dependsOn: readonly pulumi.Resource[] },
): RolloutTraffic | undefined {
  const { traffic, name } = plan;
  if (!traffic) return undefined;
  const { namespace, gateway, services } = environment.spec;
  // What takes batches: without a key check nobody's word makes a request one.
  const takesBatches = gateway.checksKeys ? environment.parts.services : undefined;
  const sides = [traffic.old, traffic.new].map((version) => {
    const own = served.get(version.service);
    if (!own) throw new Error(`${version.service} is not served`);
    return { own, side: sideOf(version, own, services) };
  });
  const route = pulumi.all(sides.map(({ side }) => side)).apply(([old, fresh]): DividedRoute => {
    if (!old || !fresh) throw new Error(`${name} has not two versions`);
    const { api, name: gatewayName, hosts, checksKeys } = gateway;
    const identity = { name: kubernetesName(name), namespace, model: name, kind: "zoo", managedBy: "stack" } as const;
    // As the state has it: without keys that hold nothing.
    const attached = { api, name: gatewayName, hosts: [...hosts], checksKeys };
    const batches = takesBatches ? { servicesNamespace: services.namespace } : undefined;
    const tellsUsers = recordsUsers(plan) ? (true as const) : undefined;
    const tellsDraws = plan.judge?.recorded ? (true as const) : undefined;
    const told = { batches, tellsUsers, tellsDraws };
    return given({ ...identity, gateway: attached, paths: paths && [...paths], old, new: fresh, ...told });
  });
  const { expected, due } = traffic;
  // What is declared stays as it is while the guard's own split holds, so that taking a rollout back is not drift.
  const { weight, control, sticky } = traffic.asked ?? traffic;
  return new RolloutTraffic(
    name,
    {
      model: name,
      object: trafficPlace({ gateway, namespace, name: kubernetesName(name) }),
      weight,
      control,
      route,
      ...given({ sticky, expected, due, keep: traffic.asked && (true as const) }),
      ...environment.inCluster,
      ...environment.onDatabase,
    },
    {
      parent,
      dependsOn: [
        ...environment.tables,
        ...dependsOn,
        // It is there before requests are led to it.
        ...(takesBatches ? [takesBatches] : []),
        ...sides.flatMap(({ own }) => [own, ...own.admitted]),
        ...hashByHeader({ environment, plan, paths }, parent),
      ],
    },
  );
}

/** The header that keeps users on one side; undefined where none does. */
function headerOf({ traffic }: Pick<ZooModelPlan, "traffic">): string | undefined {
  return stickyHeaderOf(traffic?.sticky) ?? stickyHeaderOf(traffic?.asked?.sticky);
}

/** Whether every request of users whom a header keeps on one side is recorded. */
function recordsUsers({ traffic }: Pick<ZooModelPlan, "traffic">): boolean {
  if (!traffic || headerOf({ traffic }) === undefined) return false;
  return [traffic.old, traffic.new].every(({ recording }) => recording?.sample === 100);
}

/** What has the gateway draw by the hash of a header, before an object asks for it and until none does. */
function hashByHeader(
  { environment, plan, paths }: Pick<DividedModel, "environment" | "plan" | "paths">,
  parent: pulumi.Resource,
): pulumi.Resource[] {
  const { name, traffic } = plan;
  const header = headerOf(plan);
  if (!traffic || header === undefined) return [];
  const { namespace, gateway } = environment.spec;
  const identity = { name: kubernetesName(name), namespace, model: name, kind: "zoo", managedBy: "stack" } as const;
  const { metadata, ...filter } = stickyHeaderManifest({
    ...identity,
    gateway,
    paths,
    header,
    hash: traffic.new.hash,
    tellsUsers: recordsUsers(plan),
  });
  return [
    new kubernetes.apiextensions.CustomResource(
      `${name}-by-header`,
      { ...filter, metadata: declared(metadata) },
      { parent },
    ),
  ];
}

/** The model's route where an object of its own divides the requests, see {@link divideRequests}. */
export function delegatingRoute(
  route: Omit<ModelRoute, "delegate" | "recorded" | "sleeps">,
  { traffic }: Pick<ZooModelPlan, "traffic">,
  services: Services,
): Route {
  const sides = traffic ? [traffic.old, traffic.new] : [];
  return modelRoute({
    ...route,
    recorded: sides.some(({ recording }) => recording !== undefined),
    sleeps: sides.map((side) => sleeping(side, services)).find((each) => each !== undefined),
    delegate: trafficObject(route.name),
  });
}

type Services = Pick<Environment["spec"]["services"], "namespace">;

/** Where the services are, for a version that may sleep. */
export function sleeping(
  { serving }: Pick<ServedPlan, "serving">,
  { namespace }: Services,
): { readonly servicesNamespace: string } | undefined {
  return sleeps(serving) ? { servicesNamespace: namespace } : undefined;
}

function sideOf(version: ServedPlan, own: ServedVersion, services: Services): pulumi.Output<TrafficSide> {
  const { mode } = version.serving;
  const asleep = sleeping(version, services);
  const copiesPort = asleep && frontPorts.copies;
  const known = { mode, recorded: version.recording !== undefined, sleeps: asleep, copiesPort };
  return pulumi
    .all([own.service, own.versionId])
    .apply(([service, id]) => given({ versionId: id ?? "", service, ...known }));
}
