import type { KubeConfig } from "@kubernetes/client-node";
import { appliedAgain, type DeclaredObject, ownersTakenOver } from "../../domain/drift/declaredObjects.ts";
import { driftOf, type FieldDrift } from "../../domain/drift/drift.ts";
import type { LiveObject } from "../../domain/drift/fields.ts";
import { objectPaths } from "./objectPaths.ts";
import { apply, isApiError, readIfThere, request, requestJson } from "./request.ts";

/** An object that is not as declared. */
export interface DriftedObject {
  readonly object: DeclaredObject;
  /** Undefined where the cluster does not hold it. */
  readonly live: LiveObject | undefined;
  /** Empty where it is gone. */
  readonly fields: readonly FieldDrift[];
}

/** Those objects that are not as declared, in the order of their declaration: one request for each object. */
export async function readDrift(
  config: KubeConfig,
  objects: readonly DeclaredObject[],
  signal: AbortSignal,
): Promise<DriftedObject[]> {
  const pathOf = objectPaths(config);
  const read = await Promise.all(
    objects.map(async (object): Promise<DriftedObject> => {
      const path = await pathOf(object);
      const live = path === undefined ? undefined : await readIfThere<LiveObject>(config, path, { signal });
      const fields = live ? driftOf(object.shown, live, object.manager, object.partly) : [];
      return { object, live, fields };
    }),
  );
  return read.filter(({ live, fields }) => live === undefined || fields.length > 0);
}

/** Controllers write an object's status at any time. */
const mostAttempts = 5;

/**
 * Makes an object what was declared, whoever wrote it: what was changed or removed is applied again, and what was added goes. Throws
 * KubernetesApiError where the API server refuses it.
 */
export async function takeBack(config: KubeConfig, object: DeclaredObject, signal: AbortSignal): Promise<void> {
  const path = await objectPaths(config)(object);
  if (path === undefined) throw new Error(`the cluster does not know ${object.kind} of ${object.apiVersion}`);
  for (let attempt = 1; ; attempt += 1) {
    const live = await requestJson<LiveObject>(config, "GET", path, { signal });
    try {
      if (!object.partly) {
        const { resourceVersion } = live.metadata ?? {};
        await request(config, "PATCH", path, {
          body: { metadata: { resourceVersion, managedFields: ownersTakenOver(object, live) } },
          contentType: "application/merge-patch+json",
          query: { fieldManager: object.manager },
          signal,
        });
      }
      await apply(config, path, appliedAgain(object, live), object.manager);
      return;
    } catch (error) {
      if (!isApiError(error, 409) || attempt === mostAttempts) throw error;
    }
  }
}
