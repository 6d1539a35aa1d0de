import { resolve } from "node:path";
import { badInput } from "../domain/errors.ts";
import type { Handler } from "./handler.ts";
import { imageIsStored } from "./storedImage.ts";

export interface CheckoutImageInputs {
  /** Name of the service: the last part of the image's url. */
  readonly name: string;
  /** Entry of the service, relative to the project. */
  readonly entry: string;
  /** Content hash of what is copied into the image, see `serviceSource`. */
  readonly hash: string;
}

export interface CheckoutImageOutputs extends CheckoutImageInputs {
  /** `<url>@<digest>` */
  readonly image: string;
}

/** The checkout as a directory image, for the services of the local environment. Images outlive the resource. */
export const checkoutImage: Handler<CheckoutImageInputs, CheckoutImageOutputs> = {
  inputs: ["name", "entry", "hash"],
  replaceOn: ["name", "entry", "hash"],
  check: async () => [],
  async create(inputs) {
    const { putCheckoutImage } = await import("../adapters/images/checkoutImage.ts");
    const image = await putCheckoutImage(imageStore(), resolve("."), inputs);
    return { id: image, outs: { ...inputs, image } };
  },
  update: async (_id, olds, news) => ({ ...olds, ...news }),
  exists: (_id, { image }) => imageIsStored(image),
  delete: async () => {},
};

function imageStore(): string {
  const store = process.env.MENAGERIE_IMAGE_STORE;
  if (store) return store;
  throw badInput(
    "menagerie:services.image: missing; give the image of the services as <url>@sha256:<digest>, or run through `menagerie`",
  );
}
