import type { KubeConfig } from "@kubernetes/client-node";
import { readIfThere } from "./request.ts";

/** What an object is found by. */
export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** Finds the paths of objects, by one request for each API group; undefined for a kind that the cluster does not know. */
export function objectPaths(config: KubeConfig): (object: ObjectName) => Promise<string | undefined> {
  const plurals = new Map<string, Promise<ReadonlyMap<string, string>>>();
  return async ({ apiVersion, kind, name, namespace }) => {
    const known = plurals.get(apiVersion) ?? readPlurals(config, apiVersion);
    plurals.set(apiVersion, known);
    const plural = (await known).get(kind);
    return plural && `${baseOf(apiVersion)}${namespace ? `/namespaces/${namespace}` : ""}/${plural}/${name}`;
  };
}

/** Plural names by kind; none where the cluster does not know the API any more. */
async function readPlurals(config: KubeConfig, apiVersion: string): Promise<ReadonlyMap<string, string>> {
  const found = await readIfThere<{ resources: { kind: string; name: string }[] }>(config, baseOf(apiVersion));
  const resources = found?.resources ?? [];
  return new Map(resources.filter(({ name }) => !name.includes("/")).map(({ kind, name }) => [kind, name]));
}

function baseOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
