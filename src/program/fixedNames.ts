import type * as pulumi from "@pulumi/pulumi";

/**
 * Makes what replaces a Kubernetes object of a fixed name wait for the end of the one before, however the replacement came about:
 * made first, as `--replace` has it, the new object would be the old one, which is then deleted. The engine knows this of the
 * replacements that the provider asks for, and of no others. An object whose name is made up each time is left alone.
 */
export const deleteFixedNamesFirst: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  const given: pulumi.CustomResourceOptions = opts;
  if (!type.startsWith("kubernetes:") || given.deleteBeforeReplace !== undefined || !isNamed(props.metadata)) {
    return undefined;
  }
  const first: pulumi.CustomResourceOptions = { ...given, deleteBeforeReplace: true };
  return { props, opts: first };
};

/** Metadata that is known only later has a name in it: what has none is declared in the open. */
function isNamed(metadata: unknown): boolean {
  if (typeof metadata !== "object" || metadata === null) return false;
  return !isPlain(metadata) || "name" in metadata;
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
