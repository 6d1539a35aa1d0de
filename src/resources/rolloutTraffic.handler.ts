import type { DividedRoute } from "../domain/serving/trafficRoute.ts";
import type { Sticky } from "../domain/zoo/traffic.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { asDeployer } from "../providers/databaseServer.ts";
import type { Due, Handler } from "../providers/handler.ts";

export interface RolloutTrafficInputs extends DatabaseInput, Due {
  /** Name of the zoo model. */
  readonly model: string;
  /** The object of {@link route}, see `trafficPlace`: one elsewhere, or of another API, is another resource, which is made first. */
  readonly object: string;
  /** Percent of the model's requests that the new version is to answer. */
  readonly weight: number;
  /** Percent that is copied to the other side. @default 0 */
  readonly control?: number | undefined;
  /** What keeps a user on one side. @default each request is drawn by itself */
  readonly sticky?: Sticky | undefined;
  /** Generation that the weight was planned from. @default none was ever set */
  readonly expected?: number | undefined;
  /** What the requests are divided between. */
  readonly route: DividedRoute;
  /** The row stays as it is, because the guard took the content back. @default it is set */
  readonly keep?: true | undefined;
  /** What somebody changed of the object by hand: found by a refresh, never declared, so that the next `up` writes the object again. */
  readonly edited?: true | undefined;
  /** Context of the ambient kubeconfig. @default its current one */
  readonly context?: string | undefined;
}

/**
 * How the requests of a model are divided between the two versions of its rollout: the database's row, set by check-and-set, and the object that
 * the gateway reads, made from the row. The stack declares that both exist; whoever else changes the row later changes nothing of the resource.
 */
export const rolloutTraffic: Handler<RolloutTrafficInputs, RolloutTrafficInputs> = {
  inputs: {
    model: "replace",
    object: "replace",
    weight: "update",
    control: "update",
    sticky: "update",
    route: "update",
    edited: "update",
    keep: "ignore",
    expected: "ignore",
    context: "ignore",
    database: "ignore",
  },
  async create(inputs) {
    await divide(inputs);
    return { id: inputs.object, outs: inputs };
  },
  async update(_id, _olds, news) {
    await divide(news);
    return news;
  },
  async read(_id, props) {
    const { readTrafficToWrite } = await import("../adapters/postgres/zoo/traffic.ts");
    const { trafficStanding } = await import("../adapters/kubernetes/traffic.ts");
    const row = await asDeployer(props, (client) => readTrafficToWrite(client, props.model));
    const standing = await trafficStanding(await addressOf(props), row);
    if (standing === "gone") return undefined;
    const { edited: _, ...others } = props;
    return standing === "as written" ? others : { ...others, edited: true };
  },
  async delete(_id, props) {
    const { removeTraffic } = await import("../adapters/kubernetes/traffic.ts");
    await removeTraffic(await addressOf(props));
  },
};

async function divide(inputs: RolloutTrafficInputs): Promise<void> {
  const { setTraffic, writeTraffic } = await import("../adapters/postgres/zoo/traffic.ts");
  const { applyTraffic } = await import("../adapters/kubernetes/traffic.ts");
  const { model, weight, control = 0, sticky, expected, keep, route } = inputs;
  const address = await addressOf(inputs);
  await asDeployer(inputs, async (client) => {
    if (!keep) await setTraffic(client, { model, weight, control, sticky, expected, by: "up" });
    await writeTraffic(client, model, (read) => applyTraffic(address, read, route));
  });
}

// Loaded when needed: the Kubernetes client takes a second, and a preview only checks and compares.
async function addressOf({ context, route: { namespace, name, gateway } }: RolloutTrafficInputs) {
  const { ambientKubeConfig } = await import("../adapters/kubernetes/workloads.ts");
  return { config: ambientKubeConfig(context), namespace, name, api: gateway.api ?? "istio" };
}
