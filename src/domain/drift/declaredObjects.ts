import { isEngineSecret } from "../engineSecret.ts";
import type { StateResource } from "../engineState.ts";
import { isMapping } from "../mapping.ts";
import { recorderManager } from "../serving/recorder.ts";
import { secretValue } from "./drift.ts";
import type { LiveObject, ManagedFields, Mapping } from "./fields.ts";
import { foreignFields, isForeign, merged, union } from "./owners.ts";

/** One Kubernetes object that a stack declares. */
export interface DeclaredObject {
  /** Such as `VirtualService models/iris`. */
  readonly what: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  /** Manager that it is applied by. */
  readonly manager: string;
  /** The stack declares some fields of an object that is somebody else's. */
  readonly partly: boolean;
  /** As it is applied. Holds secrets. */
  readonly manifest: Mapping;
  /** The same, with secrets as `secretValue`. */
  readonly shown: Mapping;
}

/** The Kubernetes objects of a stack, as the last run of the engine applied them. Secrets of `resources` are marked. */
export function declaredObjects(resources: readonly StateResource[]): DeclaredObject[] {
  return resources.flatMap((resource): DeclaredObject[] => {
    const { type, inputs = {}, outputs = {} } = resource;
    if (type.endsWith(":ModelRecorder") && !resource.delete) return recorderOf(outputs);
    const { apiVersion, kind, metadata } = decoded(outputs, (value) => value) as Mapping;
    if (!type.startsWith("kubernetes:") || resource.delete || !isMapping(metadata)) return [];
    const { name, namespace } = metadata;
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string") return [];
    const where = typeof namespace === "string" ? namespace : undefined;
    const named = (shown: (value: unknown) => unknown): Mapping => {
      const manifest = decoded(inputs, shown) as Mapping;
      const given = isMapping(manifest.metadata) ? manifest.metadata : {};
      return { ...manifest, apiVersion, kind, metadata: { ...given, name, ...(where ? { namespace: where } : {}) } };
    };
    const manifest = named((value) => value);
    return [
      {
        apiVersion,
        kind,
        name,
        namespace: where,
        manifest,
        what: `${kind} ${where ? `${where}/` : ""}${name}`,
        manager: managerOf(manifest, outputs),
        partly: type.endsWith("Patch"),
        shown: named(hidden),
      },
    ];
  });
}

/** The fields of an InferenceService that are its recorder's, see `modelRecorder`. */
function recorderOf({ namespace, name, transformer }: Mapping): DeclaredObject[] {
  if (typeof namespace !== "string" || typeof name !== "string") return [];
  const [apiVersion, kind] = ["serving.kserve.io/v1beta1", "InferenceService"];
  const manifest = { apiVersion, kind, metadata: { name, namespace }, spec: { transformer } };
  const what = `recorder of ${kind} ${namespace}/${name}`;
  return [
    { what, apiVersion, kind, name, namespace, manager: recorderManager, partly: true, manifest, shown: manifest },
  ];
}

function managerOf(manifest: Mapping, outputs: Mapping): string {
  const { annotations } = isMapping(manifest.metadata) ? manifest.metadata : {};
  const declared = isMapping(annotations) ? annotations["pulumi.com/patchFieldManager"] : undefined;
  return String(declared ?? outputs.__fieldManager ?? "");
}

/** Puts values in the place of what the engine writes for secrets, and leaves out what only the engine uses. */
function decoded(value: unknown, secret: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => decoded(item, secret));
  if (!isMapping(value)) return value;
  if (isEngineSecret(value)) {
    return typeof value.plaintext === "string"
      ? secret(decoded(JSON.parse(value.plaintext), (inner) => inner))
      : secretValue;
  }
  const own = Object.entries(value).filter(([key]) => !key.startsWith("__"));
  return Object.fromEntries(own.map(([key, inner]) => [key, decoded(inner, secret)]));
}

/** Keeps the shape of a secret, for its fields have owners of their own. */
function hidden(value: unknown): unknown {
  if (!isMapping(value)) return secretValue;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]));
}

/** What takes hand edits of a live object back: applied by force, it keeps the marks that the engine put on the object. */
export function appliedAgain({ manifest, manager }: DeclaredObject, live: LiveObject): Mapping {
  const own = (live.metadata?.managedFields ?? []).filter((each) => each.manager === manager);
  const marks = (kind: "labels" | "annotations") => {
    const ours = own.flatMap(({ fieldsV1 }) => Object.keys(fieldsV1?.["f:metadata"]?.[`f:${kind}`] ?? {}));
    const kept = Object.entries(live.metadata?.[kind] ?? {}).filter(([key]) => ours.includes(`f:${key}`));
    const { [kind]: declared } = isMapping(manifest.metadata) ? manifest.metadata : {};
    const all = { ...Object.fromEntries(kept), ...(isMapping(declared) ? declared : {}) };
    return Object.keys(all).length > 0 ? { [kind]: all } : {};
  };
  const metadata = isMapping(manifest.metadata) ? manifest.metadata : {};
  return { ...manifest, metadata: { ...metadata, ...marks("labels"), ...marks("annotations") } };
}

/**
 * The owners of a live object's fields, with what others wrote outside of metadata given to the stack: applied again after that, the
 * object loses what the stack does not declare, and gets what it does, in one step. (Other steps may lead through what is invalid.)
 */
export function ownersTakenOver({ manager }: DeclaredObject, live: LiveObject): readonly ManagedFields[] {
  const entries = live.metadata?.managedFields ?? [];
  const isOwn = (each: ManagedFields) => each.manager === manager && each.operation === "Apply" && !each.subresource;
  const { apiVersion = live.apiVersion, ...own } = entries.find(isOwn) ?? {};
  const others = entries.flatMap((each): ManagedFields[] => {
    if (isOwn(each)) return [];
    if (!isForeign(each, live, manager)) return [each];
    const marks = each.fieldsV1?.["f:metadata"];
    return marks ? [{ ...each, fieldsV1: { "f:metadata": marks } }] : [];
  });
  const fieldsV1 = union(merged(entries.filter(isOwn)), foreignFields(live, manager));
  return [
    ...others,
    { ...own, manager, operation: "Apply", fieldsType: "FieldsV1", fieldsV1, ...(apiVersion ? { apiVersion } : {}) },
  ];
}
