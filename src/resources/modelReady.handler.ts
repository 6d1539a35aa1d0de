import { setTimeout } from "node:timers/promises";
import type { DeploymentMode } from "../domain/serving/servedModel.ts";
import type { Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";

export interface ModelReadyInputs {
  readonly namespace: string;
  /** Name of the InferenceService. */
  readonly name: string;
  /**
   * Which of its two parts is waited for: the model itself, or the recorder in front of it.
   * @default predictor
   */
  readonly component?: "predictor" | "transformer";
  /** Revision of the manifest that was applied; a new one is waited for again. */
  readonly revision: string;
  readonly mode: DeploymentMode;
  /** Pool of the pods, for the sentence about one that fits nowhere. */
  readonly pool: string;
  /** Path that the model answers 2xx once it is ready. */
  readonly path: string;
  readonly timeoutSeconds: number;
  /**
   * Routes move to its pods next, through a gateway that may learn of that earlier than of the pods.
   * @default false
   */
  readonly gatewayLags?: boolean | undefined;
  /** Context of the ambient kubeconfig; its current one when left out. */
  readonly context?: string;
}

/**
 * Time that routes and the API service need until they know where else a model's requests go, in milliseconds. Pointers are at
 * most a second old.
 */
const routesMoveWithin = 3_000;

/**
 * Time that a gateway needs until it sends requests to pods that have just become ready, in milliseconds: Istio's control plane gathers
 * changes for 0.1 s, unless more come, and Envoy those of pods that it knew already for a second, while it follows a route at once.
 */
const gatewaysKnowWithin = 1_500;

/**
 * Stands for "the model answers": whatever depends on it starts after that. Deleting it gives requests the time to go elsewhere,
 * for what answered them is deleted after it.
 */
export const modelReady: Handler<ModelReadyInputs, ModelReadyInputs> = {
  inputs: {
    namespace: "replace",
    name: "replace",
    component: "replace",
    revision: "update",
    mode: "update",
    pool: "update",
    path: "update",
    timeoutSeconds: "update",
    gatewayLags: "ignore",
    context: "update",
  },
  async create(inputs) {
    await wait(inputs);
    await gatewayKnows(inputs);
    const { namespace, name, component = "predictor" } = inputs;
    // Each of the two parts comes and goes without the other.
    const part = component === "predictor" ? "" : `/${component}`;
    return { id: `${namespace}/${name}${part}`, outs: inputs };
  },
  async update(_id, olds, news) {
    if (olds.revision === news.revision) return news;
    await wait(news);
    // Else routes led to its Service before, whose older pods answered meanwhile.
    if (!olds.gatewayLags) await gatewayKnows(news);
    return news;
  },
  delete: () => pause(routesMoveWithin),
};

function pause(milliseconds: number): Promise<void> {
  return untilTerminated((signal) => setTimeout(milliseconds, undefined, { signal }));
}

async function gatewayKnows({ gatewayLags, mode }: ModelReadyInputs): Promise<void> {
  if (gatewayLags && mode === "Standard") await pause(gatewaysKnowWithin);
}

async function wait({ context, ...inputs }: ModelReadyInputs): Promise<void> {
  // Loaded when needed: the Kubernetes client takes a second, and a preview only checks and compares.
  const { ambientKubeConfig } = await import("../adapters/kubernetes/workloads.ts");
  const { waitForModel } = await import("../adapters/kubernetes/modelWait.ts");
  const { removeOtherAutoscalers } = await import("../adapters/kubernetes/autoscalers.ts");
  const config = ambientKubeConfig(context);
  const report = (reason: string): void => console.log(`${inputs.name}: waiting, ${reason}`);
  await untilTerminated(async (signal) => {
    await waitForModel({ ...inputs, config, signal, report });
    if (inputs.mode === "Standard" && inputs.component !== "transformer") {
      await removeOtherAutoscalers({ ...inputs, config }, signal);
    }
  });
}
