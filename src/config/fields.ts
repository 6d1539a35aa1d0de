import * as z from "zod";
import { wrong } from "./schemaClause.ts";
import { closest } from "./suggest.ts";

/**
 * Building blocks of the config schema. Each carries the two halves of its error sentence: what is wrong with the
 * value, and what to write instead (`expected`, an imperative clause such as `use a whole number from 1 to 8`).
 */

/** A value as its writer would recognize it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function refusal(expected: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    if (input === undefined) return wrong("missing", expected);
    if (input === null) return wrong("has no value", expected);
    return wrong(describe(input), expected);
  };
}

/** What is wrong with a value that is there. */
export function describe(input: unknown): string {
  if (Array.isArray(input)) return "is a list";
  if (typeof input === "object") return "is a mapping";
  return `${show(input)} is not allowed`;
}

/** A string that matches `pattern`. */
export function text(pattern: RegExp, expected: string, description: string) {
  const error = refusal(expected);
  return z.string({ error }).regex(pattern, { error }).meta({ description });
}

/** A whole number within bounds, both inclusive. */
export function wholeNumber(minimum: number, maximum: number, description: string) {
  const error = refusal(`use a whole number from ${minimum} to ${maximum}`);
  return z.int({ error }).min(minimum, { error }).max(maximum, { error }).meta({ description });
}

/** A number with bounds, both inclusive. */
export function number(minimum: number, maximum: number, description: string) {
  const error = ({ input }: { readonly input?: unknown }) =>
    `${show(input)} is not allowed; use a number from ${minimum} to ${maximum}`;
  return z.number({ error }).min(minimum, { error }).max(maximum, { error }).meta({ description });
}

/** true or false; at the top of a stack file the engine passes them as text. */
export function flag(description: string) {
  return z.boolean({ error: refusal("use true or false") }).meta({ description });
}

/**
 * One of `values`; a near miss is answered with the value that was meant. `offered` are those that sentences propose,
 * where some are known and not available yet.
 */
export function choice<const T extends readonly [string, ...string[]]>(
  values: T,
  description: string,
  offered: readonly string[] = values,
) {
  const error = ({ input }: { readonly input?: unknown }): string => {
    const all = `use ${alternatives(offered)}`;
    if (input === undefined) return wrong("missing", all);
    const meant = typeof input === "string" ? closest(input, values) : undefined;
    return wrong(describe(input), meant ? `did you mean ${show(meant)}?` : all);
  };
  return z.enum(values, { error }).meta({ description });
}

/** `a, b or c` */
export function alternatives(values: readonly string[]): string {
  if (values.length < 2) return values.join("");
  return `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

/**
 * A mapping with exactly these keys. The message of an unknown key is the list of known ones, from which
 * `sentences.ts` makes the suggestion: zod's own issue does not carry it.
 */
export function mapping<T extends z.ZodRawShape>(shape: T, expected: string, description: string) {
  const wrongType = refusal(expected);
  return z
    .strictObject(shape, {
      error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(" ") : wrongType(issue)),
    })
    .meta({ description });
}

/** A mapping from names, all of them matching `pattern`, to values of one kind. */
export function namesTo<T extends z.ZodType>(
  pattern: RegExp,
  expectedName: string,
  value: T,
  expected: string,
  description: string,
) {
  const name = z.string().regex(pattern, { error: ({ input }) => wrong(`${show(input)} is not a name`, expectedName) });
  return z.record(name, value, { error: refusal(expected) }).meta({ description });
}

/** A list with at least one entry. */
export function listOf<T extends z.ZodType>(entry: T, expected: string, description: string) {
  const error = refusal(expected);
  return z
    .array(entry, { error })
    .min(1, { error: () => wrong("is empty", expected) })
    .meta({ description });
}

/** CPU quantity in cores (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/): `2`, `"1.5"` or `"500m"`. */
export function cpuQuantity(description: string) {
  const error = refusal('use cores such as 2, "1.5" or "500m"');
  return z
    .union(
      [
        z.number({ error }).positive({ error }),
        z.string({ error }).regex(/^(?!0+(\.0+)?m?$)(\d+(\.\d{1,3})?|\d+m)$/, { error }),
      ],
      {
        error,
      },
    )
    .transform(String)
    .refine((cores) => parseFloat(cores) / (cores.endsWith("m") ? 1000 : 1) <= mostCores, {
      error: ({ input }) => wrong(`${show(input)} is more than any machine has`, `use at most ${mostCores} cores`),
    })
    .meta({ description });
}

/** Twice what the largest machines of clouds have today. */
const mostCores = 4096;

/** Memory quantity in bytes with a unit; a bare number is refused, for it is nearly always a forgotten unit. */
export function memoryQuantity(description: string) {
  const expected = 'use bytes with a unit, such as "512Mi" or "2Gi"';
  const error = refusal(expected);
  return z
    .string({ error })
    .regex(/^(?!0+(\.0+)?[KMGTkmi]*$)\d+(\.\d+)?([KMGT]i|[kMGT])$/, { error, abort: true })
    .refine((quantity) => bytesOf(quantity) <= mostMemory * 1024 ** 4, {
      error: ({ input }) => wrong(`${show(input)} is more than any machine has`, `use at most ${mostMemory}Ti`),
    })
    .meta({ description });
}

/** Volumes too; twice what the largest machines and disks of clouds have today. In TiB. */
const mostMemory = 128;

function bytesOf(quantity: string): number {
  const [, number = "", unit = "", binary] = /^([\d.]+)([kKMGT])(i?)$/.exec(quantity) ?? [];
  return Number(number) * (binary ? 1024 : 1000) ** " KMGT".indexOf(unit.toUpperCase());
}
