import { holdsImage } from "../adapters/images/imageStore.ts";

/**
 * Whether this machine's image store holds `image`. Asked on another machine than the one that built it, such as for a
 * preview, nothing is known to be gone.
 */
export async function imageIsStored(image: string): Promise<boolean> {
  const store = process.env.MENAGERIE_IMAGE_STORE;
  return !store || holdsImage(store, image);
}
