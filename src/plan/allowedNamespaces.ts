import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";

export interface NamespaceReader {
  readonly namespaceExists: (name: string) => Promise<boolean>;
}

/**
 * Sentences about namespaces that network policies let in and that the cluster does not have: a name that is written wrong lets nobody in,
 * and the cluster does not say so. A namespace may also come later, so nothing is refused.
 */
export async function checkAllowedNamespaces(
  { networkPolicies }: Pick<EnvironmentSpec, "networkPolicies">,
  { namespaceExists }: NamespaceReader,
): Promise<string[]> {
  const named = networkPolicies?.allowFrom ?? [];
  const found = await Promise.all(
    named.map((name) => namespaceExists(name).catch((error: unknown) => messageOf(error))),
  );
  const key = (place: number) => keyPath(["networkPolicies", "allowFrom", place]);
  return found.flatMap((exists, place) => {
    if (exists === true) return [];
    if (exists === false) {
      return [
        `${key(place)}: the cluster has no namespace "${named[place]}", so nobody is let in from there; correct it, or make the namespace`,
      ];
    }
    return [`${key(place)}: not checked whether the cluster has the namespace "${named[place]}": ${exists}`];
  });
}
