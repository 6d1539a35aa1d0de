import { resolve } from "node:path";
import type { KeyedLayer } from "../adapters/images/directoryImage.ts";
import type { Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";
import { imageIsStored } from "../providers/storedImage.ts";

export interface CheckoutImageInputs {
  /** Name of the service or pipeline: the last part of the image's url. */
  readonly name: string;
  /** Entry of the service, relative to the project; empty for a pipeline. */
  readonly entry: string;
  /**
   * Folder of a pipeline, relative to the project.
   * @default it is a service
   */
  readonly folder?: string;
  /** Content hash of what is copied into the image, see `serviceSource` and `pipelineSource`. */
  readonly hash: string;
  /** With the Python that trusses are built with, where containers do not have it anyway. @default false */
  readonly interpreter?: boolean;
}

export interface CheckoutImageOutputs extends CheckoutImageInputs {
  /** `<url>@<digest>` */
  readonly image: string;
}

/** The checkout as a directory image, for services and pipelines of the local environment. Images outlive the resource. */
export const checkoutImage: Handler<CheckoutImageInputs, CheckoutImageOutputs> = {
  // Another commit of the project is another image of the same service: nothing is replaced that anybody would miss.
  inputs: { name: "replace", entry: "update", folder: "update", hash: "update", interpreter: "update" },
  async create(inputs) {
    const outs = await stored(inputs);
    return { id: outs.image, outs };
  },
  update: (_id, _olds, news) => stored(news),
  exists: (_id, { image }) => imageIsStored(image),
};

async function stored(inputs: CheckoutImageInputs): Promise<CheckoutImageOutputs> {
  const { putCheckoutImage, putPipelineImage } = await import("../adapters/images/checkoutImage.ts");
  const { folder } = inputs;
  const parts = inputs.interpreter ? await interpreter() : {};
  const image = await (folder === undefined
    ? putCheckoutImage(imageStore(), resolve("."), { ...inputs, ...parts })
    : putPipelineImage(imageStore(), resolve("."), { ...inputs, folder }));
  return { ...inputs, image };
}

/** The interpreter, and what names it: PATH in a container is the image's, and finds another one first or none. */
async function interpreter(): Promise<{ layers: KeyedLayer[]; env: Record<string, string> }> {
  const { findBasePython } = await import("../adapters/truss/interpreter.ts");
  const { interpreterLayers } = await import("../adapters/truss/imageLayers.ts");
  return untilTerminated(async (signal) => {
    const python = await findBasePython(process.env, signal);
    return { layers: interpreterLayers([python]), env: { MENAGERIE_PYTHON: python.executable } };
  });
}

function imageStore(): string {
  const store = process.env.MENAGERIE_IMAGE_STORE;
  if (store) return store;
  throw refuse("services.no-image");
}
