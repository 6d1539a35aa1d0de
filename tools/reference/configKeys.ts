import * as z from "zod";
import { environmentSchema } from "../../src/config/environment.ts";

/** One key of a stack file, as the schema has it. */
export interface ConfigKey {
  /** Without `menagerie:`; `*` stands for a name that the writer chooses, `[]` for an entry of a list. */
  readonly path: readonly string[];
  readonly description: string;
  readonly schema: z.core.$ZodType;
  /** Whether its mapping must have it. */
  readonly required: boolean;
  /** As the schema fills it in; undefined where it does not. */
  readonly default: unknown;
  readonly kind: "mapping" | "names" | "list" | "value";
  /** Another key below which the same keys are described. */
  readonly as: readonly string[] | undefined;
}

/** Every key of every mapping, in the order of the schema. */
export function configKeys(): ConfigKey[] {
  const described = new Map<z.core.$ZodType, readonly string[]>();
  return shapeOf(environmentSchema).flatMap(([name, schema]) => keysAt([name], schema, described));
}

type Described = Map<z.core.$ZodType, readonly string[]>;

function keysAt(path: readonly string[], outer: z.core.$ZodType, described: Described): ConfigKey[] {
  const { schema, description, required, byDefault } = unwrap(outer);
  const inside = contentsOf(schema);
  const as = inside.length > 0 ? described.get(schema) : undefined;
  if (inside.length > 0 && !as) described.set(schema, path);
  const own: ConfigKey = { path, description, schema: outer, required, default: byDefault, kind: kindOf(schema), as };
  return [own, ...(as ? [] : inside.flatMap(([parts, below]) => below(path.concat(parts), described)))];
}

type Below = (path: readonly string[], described: Described) => ConfigKey[];

/** What has keys of its own: mappings, and mappings in lists, under names and among alternatives. */
function contentsOf(schema: z.core.$ZodType): [readonly string[], Below][] {
  const { def } = schema._zod as { def: z.core.$ZodTypes["_zod"]["def"] };
  switch (def.type) {
    case "object":
      return shapeOf(schema).map(([name, member]) => [[name], (path, described) => keysAt(path, member, described)]);
    case "record":
      return inner("*", def.valueType);
    case "array":
      return inner("[]", def.element);
    case "union":
      return def.options.flatMap((option) => contentsOf(unwrap(option).schema));
    default:
      return [];
  }
}

/** Of a list or of names: a row for the entry where that has keys, and none for a plain value. */
function inner(step: string, outer: z.core.$ZodType): [readonly string[], Below][] {
  const { schema } = unwrap(outer);
  if (contentsOf(schema).length === 0) return [];
  return [[[step], (path, described) => keysAt(path, outer, described)]];
}

function shapeOf(schema: z.core.$ZodType): [string, z.core.$ZodType][] {
  return schema instanceof z.ZodObject ? Object.entries<z.core.$ZodType>(schema.shape) : [];
}

function kindOf(schema: z.core.$ZodType): ConfigKey["kind"] {
  if (schema instanceof z.ZodObject) return "mapping";
  if (schema instanceof z.ZodRecord) return "names";
  return schema instanceof z.ZodArray ? "list" : "value";
}

/** What stands inside of optional, default and transform, with the outermost description. */
function unwrap(outer: z.core.$ZodType) {
  let schema = outer;
  let description = "";
  let required = true;
  let byDefault: unknown;
  for (;;) {
    description ||= z.globalRegistry.get(schema)?.description ?? "";
    const { def } = schema._zod as { def: z.core.$ZodTypes["_zod"]["def"] };
    if (def.type === "optional" || def.type === "default" || def.type === "prefault") {
      required = false;
      if (def.type !== "optional") byDefault ??= def.defaultValue;
      schema = def.innerType;
    } else if (def.type === "pipe") schema = def.in;
    else return { schema, description, required, byDefault };
  }
}
