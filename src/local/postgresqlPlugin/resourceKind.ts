import type { DatabaseServer } from "../../adapters/postgres/server.ts";

export type Properties = Record<string, unknown>;

/** What is wrong with one property. */
export interface PropertyFailure {
  readonly property: string;
  readonly reason: string;
}

/** One `postgresql:index/*` resource type. Every action converges from what the catalog says. */
export interface ResourceKind {
  /** Properties that are served; others are refused, for leaving them out silently would be worse. */
  readonly properties: Readonly<Record<string, PropertyShape>>;
  /** Those that cannot be changed in place. */
  replaceOn(inputs: Properties): readonly string[];
  check(inputs: Properties): PropertyFailure[];
  /** The same ids as the official plugin's. */
  idOf(inputs: Properties): string;
  /** Makes the catalog say what `inputs` say, whatever is there already. */
  ensure(server: DatabaseServer, inputs: Properties): Promise<void>;
  /** The properties as the catalog has them now; undefined when the object is gone. */
  read(server: DatabaseServer, id: string, known: Properties): Promise<Properties | undefined>;
  /** Of what is gone already: nothing to do. */
  delete(server: DatabaseServer, state: Properties): Promise<void>;
}

export type PropertyShape = "text" | "boolean" | "texts";

/** The value of a text property that `check` has seen. */
export function textOf(properties: Properties, key: string): string {
  return String(properties[key]);
}

export function optionalText(properties: Properties, key: string): string | undefined {
  return typeof properties[key] === "string" ? properties[key] : undefined;
}

export function textsOf(properties: Properties, key: string): string[] {
  const value = properties[key];
  return Array.isArray(value) ? value.map(String) : [];
}
