import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { apiBackend, apiRoute } from "../domain/serving/apiService.ts";
import { coinHeader } from "../domain/serving/coin.ts";
import type { RouteNeed } from "../domain/serving/httpRouteFeatures.ts";
import { mirroredRoute } from "../domain/serving/mirroredRoute.ts";
import { activatorPath, modelRoute } from "../domain/serving/modelRoute.ts";
import type { Destination, Route } from "../domain/serving/route.ts";
import { primarySide, shadowService } from "../domain/shadow/names.ts";
import { copiedSides, sleepingSides } from "../domain/shadow/sides.ts";
import { kubernetesName } from "../domain/zoo/plan.ts";
import { sleeps } from "../domain/zoo/serving.ts";
import { given } from "../environment/given.ts";

/** A route that a stack declares, and the config that it follows from. */
export interface PlannedRoute {
  readonly route: Route;
  /** The key that asks for it. */
  readonly key: string;
  /** Where a need of it comes from another key: that, and what to do without. */
  readonly from: Partial<Record<RouteNeed, { readonly key: string; readonly instead: string }>>;
}

export type RoutedSpec = Pick<
  EnvironmentSpec,
  "zoo" | "development" | "shadows" | "gateway" | "namespace" | "services" | "database"
>;

/** The routes of a stack, by its config alone: a model has one whatever its phase, and its copy the same once more. */
export function plannedRoutes(spec: RoutedSpec): PlannedRoute[] {
  const { namespace, gateway, services } = spec;
  const identity = { namespace, gateway, managedBy: "stack" } as const;
  const zoo = Object.entries(spec.zoo).flatMap(([model, { mode, paths, replicas, ...entry }]): PlannedRoute[] => {
    const key = keyPath(["zoo", model]);
    const asleep = sleeps({ mode, replicas }) ? { servicesNamespace: services.namespace } : undefined;
    const named = { name: kubernetesName(model), model, kind: "zoo", mode, paths, sleeps: asleep } as const;
    const headers = { key: `${key}.replicas.min`, instead: "use at least 1" };
    const route = modelRoute({ ...identity, ...named });
    return [{ route, key, from: { ...knative(`${key}.mode`), headers } }, ...divided(route, key, entry)];
  });
  const development = Object.entries(spec.development).map(([model, { mode }]): PlannedRoute => {
    const key = keyPath(["development", model]);
    const activator =
      mode === "Knative"
        ? undefined
        : { backend: apiBackend(services.namespace), pathOf: (inner: string) => activatorPath("0", inner) };
    const named = { name: kubernetesName(model), model, kind: "development", mode, activator } as const;
    return { route: modelRoute({ ...identity, ...named }), key, from: knative(`${key}.mode`) };
  });
  const shadows = Object.entries(spec.shadows).map(([name, deployment]): PlannedRoute => {
    const { primary, percent, paths, noiseFloor } = deployment;
    const key = keyPath(["shadows", name]);
    const sides = copiedSides(deployment).map(([side]) => side);
    const route = mirroredRoute({
      ...identity,
      name,
      model: name,
      kind: "shadow",
      percent,
      paths,
      primary: { service: shadowService(name, primarySide), mode: primary.mode },
      shadows: sides.map((side) => shadowService(name, side)),
      sleeping: { services: sleepingSides(name, deployment), servicesNamespace: services.namespace },
    });
    const several =
      noiseFloor && sides.length === 2
        ? { key: `${key}.noiseFloor`, instead: "remove the key" }
        : { key: `${key}.shadows`, instead: "keep one of them" };
    const share = { key: `${key}.percent`, instead: "remove the key, which copies every request" };
    return { route, key, from: { ...knative(`${key}.primary.mode`), mirrors: several, percent: share } };
  });
  const api = spec.database
    ? [{ route: apiRoute({ namespace: services.namespace, gateway }), key: keyPath(["gateway", "api"]), from: {} }]
    : [];
  return [...zoo, ...development, ...shadows, ...api];
}

/** What a model's route needs besides while its requests are divided between two versions. */
function divided(
  route: Route,
  key: string,
  { by, judge, recording }: Pick<EnvironmentSpec["zoo"][string], "by" | "judge" | "recording">,
): PlannedRoute[] {
  const control = judge?.control ?? 0;
  if (by === undefined && control === 0) return [];
  const rules = route.rules.map(({ rewrite: _, ...rule }) => ({
    ...rule,
    destinations: rule.destinations.map((each) => (by === undefined ? each : stuck(each, recording !== undefined))),
    ...(control > 0 ? { mirrors: rule.destinations.map((each) => ({ ...each, percent: control })) } : {}),
  }));
  const copies = { key: `${key}.judge.control`, instead: "set it to 0" };
  const cookies = { key: `${key}.by`, instead: "remove the key" };
  return [{ route: { ...route, rules }, key, from: { cookies, headers: cookies, mirror: copies, percent: copies } }];
}

function stuck(destination: Destination, isRecorded: boolean): Destination {
  const { setHeaders, ...rest } = destination;
  const told = isRecorded ? { ...setHeaders, [coinHeader]: "drawn" } : setHeaders;
  return { ...rest, ...given({ setHeaders: told }), setCookie: "side" };
}

function knative(key: string): PlannedRoute["from"] {
  return { host: { key, instead: "use mode: Standard" } };
}
