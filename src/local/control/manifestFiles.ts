import { readFile } from "node:fs/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";

/** The objects in a file of YAML or JSON. */
export async function readObjects(file: string): Promise<KubernetesObject[]> {
  const objects = loadAll(await readFile(file, "utf8")) as (KubernetesObject | null)[];
  return objects.filter((object): object is KubernetesObject => object !== null);
}
