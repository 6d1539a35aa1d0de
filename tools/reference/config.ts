import * as z from "zod";
import { type ChangeKind, changeOf } from "../../src/config/keyChanges.ts";
import { exampleOf } from "../../src/config/keyExamples.ts";
import { prefix } from "../../src/config/sentences.ts";
import { type ConfigKey, configKeys } from "./configKeys.ts";
import { anchor, code, generated, page, prose, table } from "./markdown.ts";

/** docs/reference/config.md: every key of a stack file, from the schema that checks it. */
export function configPage(): string {
  const keys = configKeys();
  const tops = keys.filter(({ path }) => path.length === 1);
  return page(
    "# Config keys",
    "Every key of `Pulumi.<stack>.yaml` below `config:`. A key that is not here is refused, with the nearest one that is. `npx menagerie validate -s STACK` checks a file, and [refusals](../refusals.md) lists what it says. Editors show the same texts through `src/config/config.schema.json`.",
    generated("the schema in `src/config/environment.ts`, `src/config/keyChanges.ts` and `src/config/keyExamples.ts`"),
    "In a path, `*` stands for a name that you choose, and `[]` for an entry of a list.",
    "## What a change does",
    table(
      ["Change", "Meaning"],
      Object.entries(meaning).map(([kind, what]) => [`**${kind}**`, prose(what)]),
    ),
    "Whatever the kind, `up` previews first and asks before it deletes what answers requests or holds data: [operations](../operations.md#what-up-deletes-is-agreed-to).",
    table(
      ["Key", "Meaning"],
      tops.map((key) => [link(key.path), prose(partsOf(key).text)]),
    ),
    ...keys.flatMap(section),
  );
}

const meaning: Readonly<Record<ChangeKind, string>> = {
  nothing: "What runs stays as it is. The next run, step or judgement reads the new value.",
  update: "Objects change in place, and every request is answered.",
  "new pods":
    "Pods are replaced, each new one before its old one ends. On a GPU pool the GPU is handed over, with a gap.",
  replace: "An object is deleted and made again.",
  delete: "Data, or what serves requests, is deleted. `up` lists it and asks first.",
};

const named = (path: readonly string[]): string => prefix + path.join(".").replaceAll(".[]", "[]");
const link = (path: readonly string[]): string => `[${code(named(path))}](#${anchor(named(path))})`;

function section(key: ConfigKey): string[] {
  const { text, unit, otherwise } = partsOf(key);
  const [kind = "nothing", more] = changeOf(key.path) ?? [];
  const example = key.as ? undefined : exampleFor(key);
  const facts = [
    ["Type", typeOf(key)],
    ["Unit", prose(unit)],
    ["Default", key.required && !isEntry(key) ? "none, the key is required" : prose(otherwise)],
    ["Example", example === undefined ? "" : code(`${key.path.at(-1)}: ${flow(example)}`)],
    ["A change", `**${kind}**. ${prose(more ?? "")}`.trim()],
    ["Keys", key.as ? `as those of ${link(key.as)}` : ""],
  ].filter(([, value]) => value);
  return [
    `${"#".repeat(key.path.length === 1 ? 2 : 3)} ${code(named(key.path))}`,
    prose(text),
    facts.map(([name, value]) => `- ${name}: ${value}`).join("\n"),
  ];
}

/** A name or a list's entry, which nobody has to give. */
const isEntry = ({ path }: ConfigKey): boolean => path.at(-1) === "*" || path.at(-1) === "[]";

/** A description is a text, then its unit, then its default, as far as it has them. */
export function partsOf({ description }: Pick<ConfigKey, "description">): {
  text: string;
  unit: string;
  otherwise: string;
} {
  const [before = "", otherwise = ""] = description.split(/(?:^| )Default(?:: | )/);
  const [text = "", unit = ""] = before.split(/(?:^| )Unit: /);
  return { text, unit: unit.replace(/\.$/, ""), otherwise: otherwise.replace(/\.$/, "") };
}

/** The value that the page shows; undefined for what has keys of its own. */
export function exampleFor({ path, schema, kind, default: byDefault }: ConfigKey): unknown {
  const given = exampleOf(path);
  if (given !== undefined) return kind === "mapping" || isEntryOf(path) ? undefined : given;
  const json = jsonOf(schema);
  if (json.type === "boolean") return byDefault !== true;
  const values = choicesOf(json);
  return values?.find((value) => String(value) !== String(byDefault));
}
const isEntryOf = (path: readonly string[]): boolean => path.at(-1) === "*" || path.at(-1) === "[]";

interface JsonSchema {
  readonly type?: string | string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
}

function jsonOf(schema: z.core.$ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", target: "draft-7" }) as JsonSchema;
}

function choicesOf({ enum: values, const: value, anyOf }: JsonSchema): readonly unknown[] | undefined {
  if (value !== undefined) return [value];
  return values ?? anyOf?.flatMap((each) => choicesOf(each) ?? []);
}

function typeOf({ schema, kind }: ConfigKey): string {
  if (kind === "mapping") return "mapping";
  return typeText(jsonOf(schema));
}

function typeText(json: JsonSchema): string {
  const { type, minimum, maximum, items, additionalProperties, anyOf } = json;
  if (anyOf) return [...new Set(anyOf.map(typeText))].join(", or ");
  const values = choicesOf(json);
  if (values?.length)
    return `${values.length > 1 ? "one of " : ""}${values.map((value) => code(String(value))).join(", ")}`;
  if (Array.isArray(type))
    return type.includes("object") ? "text, encrypted in the file" : type.map(plain).join(" or ");
  if (type === "array") return items?.type === "object" ? "list of mappings" : `list of ${many(items)}`;
  if (type === "object") {
    const of = typeof additionalProperties === "object" ? additionalProperties : undefined;
    return of?.type === "object" ? "mapping from names to mappings" : "mapping from names to text";
  }
  return `${plain(type)}${range(minimum, maximum)}`;
}

const many = (items: JsonSchema | undefined): string =>
  items?.type === undefined || Array.isArray(items.type) ? "ids" : "texts";

function plain(type: string | undefined): string {
  const words: Record<string, string> = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "`true` or `false`",
    object: "mapping",
    array: "list",
  };
  return type === undefined ? "any JSON" : (words[type] ?? type);
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  const bounded = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (bounded(minimum) && bounded(maximum)) return ` from ${minimum} to ${maximum}`;
  return bounded(minimum) ? `, at least ${minimum}` : "";
}

/** One line of YAML. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${scalar(key)}: ${flow(each)}`)
      .join(", ")} }`;
  }
  return scalar(value);
}

/** In quotes wherever YAML would read something else than the text. */
function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain =
    /^[A-Za-z/][\w./@:+-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) &&
    !/:$|: /.test(value);
  return isPlain ? value : JSON.stringify(value);
}
