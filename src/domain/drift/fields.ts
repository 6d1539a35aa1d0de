import { isMapping } from "../mapping.ts";

/**
 * Fields of an object that one manager owns, as Kubernetes writes them (`fieldsV1`): `f:<key>` for a field, `k:<json>` for the item
 * of a list that has these keys, `v:<json>` for an item that is this value, `.` for the thing itself. Without children, all of it.
 */
export interface FieldSet {
  readonly [key: string]: FieldSet;
}

/** One entry of `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly apiVersion?: string;
  readonly fieldsType?: string;
  readonly time?: string;
  readonly fieldsV1?: FieldSet;
}

/** An object of Kubernetes as it is read; only what every object has is typed. */
export interface LiveObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly [key: string]: unknown;
}

export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a manager owns the whole of a value, whatever is in it. */
export function isLeaf(fields: FieldSet): boolean {
  return Object.keys(fields).length === 0;
}

/** A place in an object: keys, and positions in lists. */
export type Place = readonly (string | number)[];

/** Such as `spec.http[0].timeout`. */
export function placeText(place: Place): string {
  return place.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `${text}["${part}"]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** The item of a list that a key of a field set stands for; -1 where the list has none. */
export function itemOf(key: string, list: readonly unknown[]): number {
  if (key.startsWith("i:")) return Number(key.slice(2));
  const wanted: unknown = JSON.parse(key.slice(2));
  if (key.startsWith("v:")) return list.indexOf(wanted);
  return list.findIndex((item) => isMapping(item) && isMapping(wanted) && hasKeys(item, wanted));
}

/** A key that an item leaves out has its default, such as `protocol: TCP`. */
export function hasKeys(item: Mapping, keys: Mapping): boolean {
  const given = Object.entries(keys).filter(([key]) => item[key] !== undefined);
  return given.length > 0 && given.every(([key, value]) => item[key] === value);
}

/** Equal as Kubernetes stores them: what is empty may be left out. */
export function isSame(one: unknown, other: unknown): boolean {
  if (isEmpty(one) && isEmpty(other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => isSame(item, other[at]));
  }
  if (isMapping(one) && isMapping(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => isSame(one[key], other[key]));
  }
  return one === other;
}

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.keys(value).length === 0;
}
