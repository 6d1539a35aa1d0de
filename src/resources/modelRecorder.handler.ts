import type { Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";

/** `spec.transformer` of an InferenceService. */
export type Transformer = Readonly<Record<string, unknown>>;

export interface ModelRecorderInputs {
  readonly namespace: string;
  /** Name of the InferenceService, which exists. */
  readonly name: string;
  /** The recorder, as the InferenceService has it. */
  readonly transformer: Transformer;
  /** Context of the ambient kubeconfig. @default its current one */
  readonly context?: string | undefined;
}

/**
 * The recorder of a model that is served, as the transformer of its InferenceService. It is a resource of its own so that it can go last:
 * what leads requests to it waits for it when it comes, and has left it before it goes. Of the InferenceService it owns that one field, so
 * that the model's pods go on whatever becomes of the recorder.
 */
export const modelRecorder: Handler<ModelRecorderInputs, ModelRecorderInputs> = {
  inputs: { namespace: "replace", name: "replace", transformer: "update", context: "update" },
  async create(inputs) {
    await attached(inputs);
    return { id: `${inputs.namespace}/${inputs.name}`, outs: inputs };
  },
  async update(_id, _olds, news) {
    await attached(news);
    return news;
  },
  async read(_id, props) {
    const { readTransformer } = await import("../adapters/kubernetes/transformer.ts");
    const transformer = await readTransformer(await addressOf(props), props.transformer);
    return transformer && { ...props, transformer };
  },
  async delete(_id, props) {
    const { removeTransformer } = await import("../adapters/kubernetes/transformer.ts");
    const address = await addressOf(props);
    await untilTerminated((signal) => removeTransformer(address, signal));
  },
};

async function attached(inputs: ModelRecorderInputs): Promise<void> {
  const { applyTransformer } = await import("../adapters/kubernetes/transformer.ts");
  await applyTransformer(await addressOf(inputs), inputs.transformer);
}

// Loaded when needed: the Kubernetes client takes a second, and a preview only checks and compares.
async function addressOf({ context, namespace, name }: ModelRecorderInputs) {
  const { ambientKubeConfig } = await import("../adapters/kubernetes/workloads.ts");
  return { config: ambientKubeConfig(context), namespace, name };
}
