import type * as pulumi from "@pulumi/pulumi";
import { isCredential } from "../src/domain/credentials/credentials.ts";

/**
 * What a component tells the engine of its arguments, so that a preview's diff shows what its user wrote: values that the program knows.
 * Left out are
 *
 * - Outputs: in a preview most are unknown, so that every run would change the component, and the others are secrets; whatever uses
 *   them shows them,
 * - resources, functions, and objects with a class such as an `Environment` that was read,
 * - credentials, by the name that they have or by what they look like: a component's inputs stand in the state as plain text.
 *
 * Leave out what the program *plans*, too: it changes from one `up` to the next although the config does not.
 *
 * @example
 * super("menagerie:shadow:TrafficMirror", name, registered({ ...args, gateway: withoutUrl(args.gateway) }), options);
 */
export function registered(args: object): pulumi.Inputs {
  return known(args);
}

/** A gateway as the config says it: its address may be the environment's, which moves. */
export function withoutUrl<Gateway extends object>(gateway: Gateway): object {
  return { ...gateway, url: undefined };
}

type Known = string | number | boolean | null | readonly Known[] | { readonly [key: string]: Known };

function known(values: object): Record<string, Known> {
  const entries = Object.entries(values).map(([key, value]) => [key, knownValue(key, value)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, Known] => entry[1] !== undefined));
}

/** @param name - key of the value, or of the list that it is in */
function knownValue(name: string, value: unknown): Known | undefined {
  switch (typeof value) {
    case "string":
    case "number":
      return isCredential(name, String(value)) ? undefined : value;
    case "boolean":
      return value;
    case "object": {
      if (value === null) return null;
      if (Array.isArray(value)) {
        const items = value.map((each) => knownValue(name, each)).filter((each) => each !== undefined);
        return items.length === 0 && value.length > 0 ? undefined : items;
      }
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) return undefined;
      const fields = known(value);
      return Object.keys(fields).length === 0 && Object.keys(value).length > 0 ? undefined : fields;
    }
    default:
      return undefined;
  }
}
