import type { KubeConfig } from "@kubernetes/client-node";
import type { RouteApi } from "../../domain/serving/route.ts";
import {
  type DividedRoute,
  isDividedBy,
  renderTraffic,
  trafficAnnotations,
  trafficManager,
  trafficObject,
} from "../../domain/serving/trafficRoute.ts";
import type { RolloutTraffic } from "../../domain/zoo/traffic.ts";
import { apply, isApiError, readIfThere, request } from "./request.ts";

/** The object that divides the requests of one model. */
export interface TrafficAddress {
  readonly config: KubeConfig;
  readonly namespace: string;
  /** Of the model's route. */
  readonly name: string;
  readonly api: RouteApi;
}

interface Live {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

/** So often somebody else may write the object between a look at it and our own write. */
const mostTries = 20;

/**
 * Writes the object from the database's newest row, by server-side apply, and answers the generation that it has by then. Whoever reads an older
 * row never wins: the object is written only as it was before the row was read, and again while the row changes.
 *
 * @param route - what `up` declares. Default: what the object says that it was made from. Without an object, or where that is of another
 *   rollout than the row, nothing is written and the answer is undefined: it is for `up` to make it
 * @param read - reads the row
 */
export async function applyTraffic(
  address: TrafficAddress,
  read: () => Promise<RolloutTraffic>,
  route?: DividedRoute,
): Promise<number | undefined> {
  const path = pathOf(address);
  for (let tries = 1; ; tries += 1) {
    const live = await readIfThere<Live>(address.config, path);
    const from = route ?? routeOf(live);
    if (!from) return undefined;
    const row = await read();
    if (!route && !isDividedBy(from, row)) return undefined;
    const { metadata, ...manifest } = renderTraffic(row, from);
    const seen = live ? { resourceVersion: live.metadata.resourceVersion } : {};
    try {
      await apply(address.config, path, { ...manifest, metadata: { ...metadata, ...seen } }, trafficManager);
    } catch (error) {
      if (isApiError(error, 409) && tries < mostTries) continue;
      throw error;
    }
    if ((await read()).generation === row.generation) return row.generation;
  }
}

/** Whether the object is there, and as the row and the route that it was made from say. */
export async function trafficStanding(
  address: TrafficAddress,
  row: RolloutTraffic | undefined,
): Promise<"as written" | "changed" | "gone"> {
  const live = await readIfThere<Live>(address.config, pathOf(address));
  if (!live) return "gone";
  const route = routeOf(live);
  if (!route || !row || !isDividedBy(route, row)) return "changed";
  const { spec, metadata } = renderTraffic(row, route);
  const written = { spec, labels: metadata.labels };
  return holds(written, { spec: live.spec, labels: live.metadata.labels }) ? "as written" : "changed";
}

/** Nothing where it is gone already. */
export async function removeTraffic(address: TrafficAddress): Promise<void> {
  try {
    const response = await request(address.config, "DELETE", pathOf(address));
    await response.body?.cancel();
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
}

function routeOf(live: Live | undefined): DividedRoute | undefined {
  const text = live?.metadata.annotations?.[trafficAnnotations.route];
  return text === undefined ? undefined : (JSON.parse(text) as DividedRoute);
}

function pathOf({ namespace, name, api }: TrafficAddress): string {
  const collection =
    api === "gateway-api"
      ? `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`
      : `/apis/networking.istio.io/v1/namespaces/${namespace}/virtualservices`;
  return `${collection}/${trafficObject(name)}`;
}

/** Whether a live value has all that was written; what the cluster adds, such as defaults, does not count. */
function holds(written: unknown, live: unknown): boolean {
  if (Array.isArray(written)) {
    return (
      Array.isArray(live) && live.length === written.length && written.every((each, place) => holds(each, live[place]))
    );
  }
  if (typeof written !== "object" || written === null) return written === live;
  if (typeof live !== "object" || live === null) return false;
  return Object.entries(written).every(([key, value]) =>
    holds(value, (live as Readonly<Record<string, unknown>>)[key]),
  );
}
