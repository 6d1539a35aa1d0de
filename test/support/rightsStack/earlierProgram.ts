import type * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import declared from "../../fixtures/earlierGrants/declared.json" with { type: "json" };

/** One resource as an earlier version declared it. */
interface Declared {
  readonly type: string;
  readonly name: string;
  readonly parent?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly dependsOn?: readonly string[];
  readonly deleteBeforeReplace?: boolean;
  readonly retainOnDelete?: boolean;
}

class Component extends pulumi.ComponentResource {}

class Custom extends pulumi.CustomResource {
  declare readonly value: pulumi.Output<string>;
}

const dynamic = "pulumi-nodejs:dynamic/menagerie:";

/**
 * Declares what test/fixtures/earlierGrants has.
 * @param folder - of the state's SQL files
 * @param hash - of them
 */
export function declareEarlier(postgres: postgresql.Provider, folder: string, hash: string): void {
  const made = new Map<string, pulumi.Resource>();
  const secrets = new Map<string, pulumi.Output<string>>();
  const resourceOf = (key: string): pulumi.Resource => {
    const found = made.get(key);
    if (!found) throw new Error(`${key} is declared after what needs it`);
    return found;
  };
  const filledValue = (key: string, value: unknown): unknown => {
    if (typeof value === "object" && value !== null && "passwordOf" in value)
      return secrets.get(String(value.passwordOf));
    return key === "declared" ? hash : key === "folder" ? folder : value;
  };
  for (const each of inOrder(declared as readonly Declared[])) {
    const { type, name, parent, inputs, dependsOn: _, ...more } = each;
    const filled = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, filledValue(key, value)]));
    const options = {
      ...more,
      ...(parent === undefined ? {} : { parent: resourceOf(parent) }),
      dependsOn: dependenciesOf(each).map(resourceOf),
    };
    made.set(`${type} ${name}`, declareOne({ type, name, filled, options }, postgres, secrets));
  }
}

function earlierDelegate(kind: string): string {
  const handlers = `${import.meta.dirname}/earlierHandlers.ts`;
  return `exports.handler = () => require(${JSON.stringify(handlers)}).earlierOf(${JSON.stringify(kind)});\n`;
}

interface Filled {
  readonly type: string;
  readonly name: string;
  readonly filled: pulumi.Inputs;
  readonly options: pulumi.CustomResourceOptions;
}

function declareOne(
  { type, name, filled, options }: Filled,
  provider: postgresql.Provider,
  secrets: Map<string, pulumi.Output<string>>,
): pulumi.Resource {
  if (type.startsWith("menagerie:"))
    return new Component(type, name, filled, options as pulumi.ComponentResourceOptions);
  if (!type.startsWith(dynamic)) return new Custom(type, name, filled, { ...options, provider });
  const kind = type.slice(dynamic.length);
  const properties = {
    ...filled,
    ...(kind === "SecretValue" ? { value: undefined } : {}),
    __provider: earlierDelegate(`${kind.charAt(0).toLowerCase()}${kind.slice(1)}`),
  };
  const resource = new Custom(type, name, properties, {
    ...options,
    ...(kind === "SecretValue" ? { additionalSecretOutputs: ["value"] } : {}),
  });
  if (kind === "SecretValue") secrets.set(name, resource.value);
  return resource;
}

/** Each after what it needs. */
function inOrder(all: readonly Declared[]): Declared[] {
  const byKey = new Map(all.map((each) => [`${each.type} ${each.name}`, each]));
  const sorted = new Set<Declared>();
  const add = (each: Declared): void => {
    if (sorted.has(each)) return;
    for (const key of [...(each.parent ? [each.parent] : []), ...dependenciesOf(each), ...secretsOf(each)]) {
      const needed = byKey.get(key);
      if (needed) add(needed);
    }
    sorted.add(each);
  };
  for (const each of all) add(each);
  return [...sorted];
}

/** A release that is seeded from another one waits for it, which was there before. */
function dependenciesOf({ type, inputs, dependsOn = [] }: Declared): string[] {
  const isSeeded = type === `${dynamic}ReleaseState` && typeof inputs.seedFrom === "string";
  return [...dependsOn, ...(isSeeded ? [`${dynamic}ReleaseState ${inputs.seedFrom}`] : [])];
}

function secretsOf({ inputs }: Declared): string[] {
  return Object.values(inputs).flatMap((value) =>
    typeof value === "object" && value !== null && "passwordOf" in value
      ? [`${dynamic}SecretValue ${value.passwordOf}`]
      : [],
  );
}
