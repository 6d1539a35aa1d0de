import type * as pulumi from "@pulumi/pulumi";

/**
 * Makes what replaces an object of a fixed name, in Kubernetes or PostgreSQL, wait for the end of the one before, however the replacement came about:
 * made first, as `--replace` has it, the new object would be the old one, which is then deleted. The engine knows this of the
 * replacements that the provider asks for, and of no others. An object whose name is made up each time is left alone.
 */
export const deleteFixedNamesFirst: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  const given: pulumi.CustomResourceOptions = opts;
  if (given.deleteBeforeReplace !== undefined || !hasFixedName(type, props)) return undefined;
  const first: pulumi.CustomResourceOptions = { ...given, deleteBeforeReplace: true };
  return { props, opts: first };
};

function hasFixedName(type: string, props: Readonly<Record<string, unknown>>): boolean {
  if (type.startsWith("postgresql:")) return "name" in props;
  return type.startsWith("kubernetes:") && isNamed(props.metadata);
}

/** Metadata that is known only later has a name in it: what has none is declared in the open. */
function isNamed(metadata: unknown): boolean {
  if (typeof metadata !== "object" || metadata === null) return false;
  return !isPlain(metadata) || "name" in metadata;
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
