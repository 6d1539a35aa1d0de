import { recorderManager } from "../serving/recorder.ts";
import type { FieldSet, LiveObject, ManagedFields } from "./fields.ts";

/**
 * Writers of fields that no stack declares with the object, in every cluster: the garbage collector, the scheduler, Menagerie's own API
 * service, and the resource that puts a recorder before a model.
 */
const controllers = new Set([
  ...["kube-controller-manager", "kube-scheduler", "kube-apiserver", "menagerie-api", recorderManager],
  // What an object had before anybody applied it: nobody knows any more who wrote that.
  "before-first-apply",
]);

export function merged(entries: readonly ManagedFields[]): FieldSet {
  return entries.reduce<FieldSet>((all, { fieldsV1 = {} }) => union(all, fieldsV1), {});
}

export function union(one: FieldSet, other: FieldSet): FieldSet {
  const both: Record<string, FieldSet> = { ...one };
  for (const [key, fields] of Object.entries(other)) both[key] = both[key] ? union(both[key], fields) : fields;
  return both;
}

export function managedBy({ metadata }: LiveObject): readonly ManagedFields[] {
  return (metadata?.managedFields ?? []).filter(({ subresource }) => subresource !== "status");
}

/** Whether somebody wrote a field who neither is the stack nor a controller of the object: who writes its status is one. */
export function isForeign({ manager = "", subresource }: ManagedFields, live: LiveObject, own: string): boolean {
  const status = (live.metadata?.managedFields ?? []).filter((each) => each.subresource === "status");
  return !(
    subresource !== undefined ||
    manager === own ||
    controllers.has(manager) ||
    status.some((each) => each.manager === manager)
  );
}

/** Fields outside of metadata that others wrote. */
export function foreignFields(live: LiveObject, own: string): FieldSet {
  const { "f:metadata": _, ...fields } = merged(managedBy(live).filter((each) => isForeign(each, live, own)));
  return fields;
}

/** Fields of the stack and of controllers. */
export function knownFields(live: LiveObject, own: string): FieldSet {
  return merged(managedBy(live).filter((each) => !isForeign(each, live, own)));
}
