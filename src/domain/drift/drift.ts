import { isMapping } from "../mapping.ts";
import {
  type FieldSet,
  hasKeys,
  isEmpty,
  isLeaf,
  isSame,
  itemOf,
  type LiveObject,
  type ManagedFields,
  type Mapping,
  type Place,
} from "./fields.ts";
import { foreignFields, knownFields, managedBy, merged } from "./owners.ts";

/** One field that is not as the stack declares it. */
export interface FieldDrift {
  readonly place: Place;
  /**
   * `added`: the stack does not declare it, and somebody who is no controller does. `held`: it is as applied, and somebody who is no
   * controller has written it since, so that the API server refuses the next change of it.
   */
  readonly kind: "changed" | "removed" | "added" | "held";
  /** As declared; undefined for what was added. */
  readonly declared?: unknown;
  readonly live?: unknown;
  /** Who wrote it; undefined where the cluster does not say, as for what was removed. */
  readonly by?: ManagedFields | undefined;
}

/** Stands for a secret value, which is compared by who wrote it. */
export const secretValue = Symbol("secret");

/**
 * What of a live object is not as declared, field by field. Who wrote a field last owns it: a declared field that the stack's
 * manager does not own any more was changed or removed, or holds the declared value by somebody else's hand. That needs no knowledge
 * of how Kubernetes writes a quantity, and none of secret values.
 *
 * Labels and annotations that others add are not drift: meshes, policies and people mark what they find.
 *
 * @param declared as it was applied, secrets as {@link secretValue}
 * @param manager that the stack applies by
 * @param partly the stack declares some fields of an object that others own
 */
export function driftOf(declared: Mapping, live: LiveObject, manager: string, partly = false): FieldDrift[] {
  const entries = managedBy(live);
  const own = withStringData(merged(entries.filter((entry) => entry.manager === manager)));
  const compared = comparedPart(declared);
  const foreign = merged(entries.filter((entry) => entry.manager !== manager));
  const holders = partly ? undefined : foreignFields(live, manager);
  // Without any, somebody else made the object.
  const lost = lostFields(compared, isLeaf(own) ? undefined : own, { foreign, holders, live }, []);
  const beside = partly
    ? []
    : foreignIn(foreignFields(live, manager), { others: knownFields(live, manager), live, declared: compared }, []);
  return [...lost, ...beside].map((each) => ({ ...each, by: writerOf(each.place, live, entries, manager) }));
}

/** A Secret's `stringData` is written as `data`. */
function withStringData(fields: FieldSet): FieldSet {
  const written = fields["f:stringData"];
  return written ? { ...fields, "f:data": { ...fields["f:data"], ...written } } : fields;
}

/** Everything but names, and what the engine alone reads. */
function comparedPart(declared: Mapping): Mapping {
  const { apiVersion: _a, kind: _k, status: _s, metadata, stringData, data, ...rest } = declared;
  const { labels, annotations } = isMapping(metadata) ? metadata : {};
  const kept = isMapping(annotations)
    ? Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith("pulumi.com/")))
    : {};
  const marks = { ...(isEmpty(labels) ? {} : { labels }), ...(isEmpty(kept) ? {} : { annotations: kept }) };
  return {
    ...(isEmpty(marks) ? {} : { metadata: marks }),
    ...(data === undefined && stringData === undefined ? {} : { data: wholeData(data, stringData) }),
    ...rest,
  };
}

function wholeData(data: unknown, stringData: unknown): unknown {
  if (stringData === undefined) return data;
  if (!isMapping(stringData)) return secretValue;
  const written = Object.fromEntries(Object.keys(stringData).map((key) => [key, secretValue]));
  return { ...(isMapping(data) ? data : {}), ...written };
}

/** Fields of others, and the live value, at the same place. */
interface Against {
  readonly foreign: FieldSet | undefined;
  /** Of others who are no controllers; undefined where nobody's are asked for. */
  readonly holders: FieldSet | undefined;
  readonly live: unknown;
}

/** Declared fields that the stack does not own any more and that hold something else. */
function lostFields(declared: unknown, own: FieldSet | undefined, against: Against, place: Place): FieldDrift[] {
  if (own && declared === secretValue) return [];
  if (own && isLeaf(own)) return lostBelow(declared, against, place);
  const { foreign, holders, live } = against;
  if (isMapping(declared) && (own || place.length === 0)) {
    return Object.entries(declared).flatMap(([key, value]) => {
      const inner = { foreign: foreign?.[`f:${key}`], holders: holders?.[`f:${key}`], live: valueAt(live, key) };
      return lostFields(value, own?.[`f:${key}`], inner, [...place, key]);
    });
  }
  if (own && Array.isArray(declared)) return lostItems(declared, own, against, place);
  if (own || declared === undefined) return [];
  return lostWhole(declared, against, place);
}

/** What the stack owns nothing of any more. */
function lostWhole(declared: unknown, { holders, live }: Against, place: Place): FieldDrift[] {
  const found = differences(declared, live, place);
  return found.length > 0 ? found : heldIn(declared, holders, live, place);
}

function heldIn(declared: unknown, holders: FieldSet | undefined, live: unknown, place: Place): FieldDrift[] {
  if (!holders || live === undefined) return [];
  if (isLeaf(holders) || !isMapping(declared)) return [{ place, kind: "held", declared, live }];
  return Object.entries(declared).flatMap(([key, value]) =>
    heldIn(value, holders[`f:${key}`], valueAt(live, key), [...place, key]),
  );
}

/**
 * What is owned without its children is owned as a whole, or is a mapping without a schema whose keys have owners of their own: of
 * such a mapping what others wrote, and what is not there any more, is lost.
 */
function lostBelow(declared: unknown, { foreign, holders, live }: Against, place: Place): FieldDrift[] {
  if (!isMapping(declared)) return [];
  return Object.entries(declared).flatMap(([key, value]) => {
    const at = [...place, key];
    const inner = { foreign: foreign?.[`f:${key}`], holders: holders?.[`f:${key}`], live: valueAt(live, key) };
    if (inner.live === undefined || (inner.foreign && isLeaf(inner.foreign))) return lostWhole(value, inner, at);
    return lostBelow(value, inner, at);
  });
}

function lostItems(declared: readonly unknown[], own: FieldSet, against: Against, place: Place): FieldDrift[] {
  const live = Array.isArray(against.live) ? against.live : [];
  const keys = Object.keys(own).filter((key) => key !== ".");
  const taken = new Set<string>();
  return declared.flatMap((item, at) => {
    const key = keys.find((each) => !taken.has(each) && stands(each, item));
    if (key === undefined) {
      // It may be there, written by another hand.
      const found = live.findIndex((each) => isSame(each, item) || isNamesake(each, item));
      return differences(item, live[found], [...place, found < 0 ? at : found]);
    }
    taken.add(key);
    const found = itemOf(key, live);
    const inner = { foreign: against.foreign?.[key], holders: against.holders?.[key], live: live[found] };
    return lostFields(item, own[key], inner, [...place, found < 0 ? at : found]);
  });
}

function stands(key: string, item: unknown): boolean {
  const wanted: unknown = JSON.parse(key.slice(2));
  return isMapping(wanted) ? isMapping(item) && hasKeys(item, wanted) : wanted === item;
}

function isNamesake(one: unknown, other: unknown): boolean {
  return isMapping(one) && isMapping(other) && one.name !== undefined && one.name === other.name;
}

/**
 * Where a declared value and a live one differ. What a live mapping has besides is its defaults; in a list that is owned as a whole
 * (`whole`) it was written by whoever wrote the list.
 */
function differences(declared: unknown, live: unknown, place: Place, whole = false): FieldDrift[] {
  if (declared === secretValue) return [{ place, kind: live === undefined ? "removed" : "changed", declared }];
  if (isSame(declared, live)) return [];
  if (live === undefined) return [{ place, kind: "removed", declared }];
  if (isMapping(declared) && isMapping(live)) {
    const keys = Object.keys(whole ? { ...declared, ...live } : declared);
    return keys.flatMap((key) =>
      key in declared
        ? differences(declared[key], live[key], [...place, key], whole)
        : added([...place, key], live[key]),
    );
  }
  if (Array.isArray(declared) && Array.isArray(live)) {
    const known = declared.flatMap((item, at) => differences(item, live[at], [...place, at], true));
    const more = live.slice(declared.length).flatMap((item, at) => added([...place, declared.length + at], item));
    return [...known, ...more];
  }
  return [{ place, kind: "changed", declared, live }];
}

function added(place: Place, live: unknown): FieldDrift[] {
  return [{ place, kind: "added", live }];
}

interface Beside {
  /** Fields of the stack and of controllers. */
  readonly others: FieldSet;
  readonly live: unknown;
  readonly declared: unknown;
}

/** Fields that only others have. */
function foreignIn(foreign: FieldSet, { others, live, declared }: Beside, place: Place): FieldDrift[] {
  return Object.entries(foreign).flatMap(([key, fields]): FieldDrift[] => {
    if (key === ".") return [];
    const part = key.startsWith("f:") ? key.slice(2) : Array.isArray(live) ? itemOf(key, live) : -1;
    const value = valueAt(live, part);
    if (value === undefined) return [];
    const wanted = typeof part === "string" ? valueAt(declared, part) : declaredItem(declared, key);
    if (others[key] === undefined && wanted === undefined)
      return [{ place: [...place, part], kind: "added", live: value }];
    if (isLeaf(fields)) return [];
    return foreignIn(fields, { others: others[key] ?? {}, live: value, declared: wanted }, [...place, part]);
  });
}

function declaredItem(declared: unknown, key: string): unknown {
  return Array.isArray(declared) ? declared.find((item) => stands(key, item)) : undefined;
}

function valueAt(live: unknown, part: string | number): unknown {
  if (typeof part === "number") return Array.isArray(live) ? live[part] : undefined;
  return isMapping(live) ? live[part] : undefined;
}

/** The latest of those who own a field, or the list or mapping that it is in. */
function writerOf(
  place: Place,
  live: LiveObject,
  entries: readonly ManagedFields[],
  manager: string,
): FieldDrift["by"] {
  const owners = entries.filter((each) => each.manager !== manager && owns(each.fieldsV1 ?? {}, live, place));
  const last = [...owners].sort((one, other) => (one.time ?? "").localeCompare(other.time ?? "")).at(-1);
  return last;
}

function owns(fields: FieldSet, live: unknown, [part, ...rest]: Place): boolean {
  if (part === undefined) return true;
  const key =
    typeof part === "string"
      ? `f:${part}`
      : Object.keys(fields).find((each) => each !== "." && Array.isArray(live) && itemOf(each, live) === part);
  const inner = key === undefined ? undefined : fields[key];
  if (inner === undefined) return false;
  return isLeaf(inner) || owns(inner, valueAt(live, part), rest);
}
