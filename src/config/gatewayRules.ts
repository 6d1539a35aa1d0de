import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { filtersOf, hostOfHttpRoute, httpRouteLimits } from "../domain/serving/httpRouteFeatures.ts";
import { mirroredRoute } from "../domain/serving/mirroredRoute.ts";
import { noiseSide, primarySide, shadowService } from "../domain/shadow/names.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { show } from "./fields.ts";
import { keyPath } from "./sentences.ts";

type Gatewayed = Pick<ParsedEnvironment, "gateway" | "mesh" | "shadows" | "serving" | "namespace">;

/** What the kind of the stack's routes cannot express, in whatever cluster, and what its gateway's API lacks a key for. */
export function gatewayIssues(environment: Gatewayed): Refusal[] {
  const { gateway, mesh } = environment;
  if (gateway.api === "gateway-api") return [...hostIssues(gateway), ...shadowIssues(environment)];
  if (!mesh?.keyCheck || mesh.keyCheck.gatewayPods) return [];
  return [refusal("mesh.gateway-pods-missing", keyPath(["mesh", "keyCheck", "gatewayPods"]))];
}

const api = keyPath(["gateway", "api"]);

function hostIssues({ hosts }: Gatewayed["gateway"]): Refusal[] {
  // "*" is an HTTPRoute without host names, whatever else is listed.
  if (hosts.includes("*")) return [];
  const { hostnames: limit } = httpRouteLimits;
  const many =
    hosts.length > limit
      ? [refusal("gateway.host-names", keyPath(["gateway", "hosts"]), { count: hosts.length, limit, api })]
      : [];
  return [
    ...many,
    ...hosts.flatMap((host, index) =>
      hostOfHttpRoute.test(host)
        ? []
        : [refusal("gateway.host-name", keyPath(["gateway", "hosts", index]), { host: show(host), api })],
    ),
  ];
}

function shadowIssues({ gateway, mesh, shadows, serving, namespace }: Gatewayed): Refusal[] {
  return Object.entries(shadows).flatMap(([name, { primary, shadows: others, noiseFloor, percent }]) => {
    const sides = [...Object.keys(others), ...(noiseFloor ? [noiseSide] : [])];
    const route = mirroredRoute({
      name,
      namespace,
      model: name,
      kind: "shadow",
      managedBy: "stack",
      percent,
      gateway: { ...gateway, checksKeys: mesh?.keyCheck !== undefined },
      primary: { service: shadowService(name, primarySide), mode: primary.mode ?? serving.mode },
      shadows: sides.map((side) => shadowService(name, side)),
    });
    const over = filtersOf(route) - httpRouteLimits.filtersOfRule;
    if (over <= 0) return [];
    const count = sides.length;
    return [refusal("gateway.shadows", keyPath(["shadows", name, "shadows"]), { count, limit: count - over, api })];
  });
}
