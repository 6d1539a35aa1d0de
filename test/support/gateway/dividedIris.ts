import { modelRoute } from "../../../src/domain/serving/modelRoute.ts";
import type { RouteApi } from "../../../src/domain/serving/route.ts";
import { type DividedRoute, renderTraffic, trafficObject } from "../../../src/domain/serving/trafficRoute.ts";
import { virtualServiceManifest } from "../../../src/domain/serving/virtualService.ts";
import type { RolloutSide, RolloutTraffic, TrafficSplit } from "../../../src/domain/zoo/traffic.ts";
import type { SeenRequest } from "../../local/support/backends.ts";
import { applyManifest, type Manifest } from "../../local/support/manifests.ts";
import { OwnGateway } from "./ownGateway.ts";

/** Servers by the version that they stand for: the models themselves, or their recorders. */
export const irisServers = { old: "iris-v1-predictor", new: "iris-v2-predictor" } as const;
const irisRecorders = { old: "iris-v1-transformer", new: "iris-v2-transformer" } as const;

/** Of one request. */
export interface Answered {
  readonly side: RolloutSide;
  /** Its headers, as its server saw them. */
  readonly seen: Readonly<Record<string, string>>;
  /** Name and value. */
  readonly cookie: string | undefined;
}

/** A model whose requests two versions answer, as a stack declares it, with a server in place of each version. */
export class DividedIris {
  readonly own: OwnGateway;
  readonly route: DividedRoute;
  readonly host: string;
  #generation = 0;

  private constructor(own: OwnGateway, route: DividedRoute, host: string) {
    this.own = own;
    this.route = route;
    this.host = host;
  }

  /** @param split of its first generation */
  static async open(
    space: string,
    split: Partial<TrafficSplit>,
    {
      others = [],
      recorded = false,
      api = "istio",
    }: {
      /** Servers besides the versions. */
      readonly others?: readonly string[];
      readonly recorded?: boolean;
      readonly api?: RouteApi;
    } = {},
  ): Promise<DividedIris> {
    const host = `${space}.test`;
    const identity = { name: "iris", namespace: space, model: "iris", kind: "zoo", managedBy: "stack" } as const;
    const attached = { gateway: { api, name: "istio-system/menagerie", hosts: [host] }, paths: ["/generate"] };
    const side = (number: number) =>
      ({ versionId: `1${number}`, service: `iris-v${number}`, mode: "Standard", recorded }) as const;
    const servers = Object.values(recorded ? irisRecorders : irisServers);
    const own = await OwnGateway.open(space, [...servers, ...others]);
    const iris = new DividedIris(own, { ...identity, ...attached, old: side(1), new: side(2) }, host);
    await iris.divide(split);
    return iris;
  }

  /** Writes the object that divides requests, as `up` and the guard write it, and what leads to it. @param route - what it is made from. Default: as it was opened */
  async divide(
    split: Partial<TrafficSplit & Pick<RolloutTraffic, "drawKey">>,
    route: DividedRoute = this.route,
  ): Promise<void> {
    this.#generation += 1;
    const pair = { model: "iris", from: "11", to: "12", hash: "content-1", changedAt: new Date(0) };
    const row = { ...pair, weight: 0, control: 0, sticky: undefined, generation: this.#generation, ...split };
    await applyManifest(this.own.cluster, renderTraffic(row, route) as Manifest);
    // An HTTPRoute is the whole route.
    if (route.gateway.api === "gateway-api") return;
    const { old, new: fresh, batches: _, ...identity } = route;
    const recorded = old.recorded || fresh.recorded;
    const delegating = modelRoute({ ...identity, recorded, mode: "Standard", delegate: trafficObject("iris") });
    await applyManifest(this.own.cluster, virtualServiceManifest(delegating) as Manifest);
  }

  /** Which version answers a prediction. */
  async ask(headers: Readonly<Record<string, string>>, inner = "/v1/models/model:predict"): Promise<RolloutSide> {
    return (await this.answered(headers, inner)).side;
  }

  /** The same, with what its server saw, and the cookie that the client got. */
  async answered(headers: Readonly<Record<string, string>>, inner = "/v1/models/model:predict"): Promise<Answered> {
    const path = `/serving/${this.route.namespace}/iris${inner}`;
    const answer = await this.own.routes.ask(this.host, path, { method: "POST", body: "{}", headers });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    const { server, headers: seen } = JSON.parse(answer.text) as Pick<SeenRequest, "server" | "headers">;
    const [cookie] = [answer.headers["set-cookie"]].flat();
    return { side: server.startsWith("iris-v2-") ? "new" : "old", seen, cookie: cookie?.split(";")[0] };
  }

  /** Asks once with each of these headers, 32 requests at once; answers the sides in their order. */
  async askAll(asked: readonly Readonly<Record<string, string>>[], inner?: string): Promise<RolloutSide[]> {
    const sides: RolloutSide[] = [];
    let next = 0;
    const one = async () => {
      while (next < asked.length) {
        const place = next;
        next += 1;
        sides[place] = await this.ask(asked[place] ?? {}, inner);
      }
    };
    await Promise.all(Array.from({ length: 32 }, one));
    return sides;
  }
}
