import { PyBytes, PyFloat, PyMapping, type PyValue, pythonText } from "../pyValue.ts";

/**
 * Types of the truss library's config fields (pydantic's, in its lax mode), with the library's own words for what it refuses.
 */

export type Path = readonly string[];

/** A value that the library refuses. */
export interface Issue {
  readonly path: Path;
  readonly value: PyValue;
  readonly message: string;
}

/** Makes of a value what the library makes of it; mistakes are added to the list, and what is returned then counts for nothing. */
export type FieldType = (value: PyValue, path: Path, issues: Issue[]) => PyValue;

/** A field of a model; without `initial` it must be given. */
export interface Field {
  readonly type: FieldType;
  readonly initial?: () => PyValue;
}

function refuse(issues: Issue[], path: Path, value: PyValue, message: string): PyValue {
  issues.push({ path, value, message });
  return value;
}

export const anything: FieldType = (value) => value;

export const text: FieldType = (value, path, issues) => {
  if (typeof value === "string") return value;
  if (!(value instanceof PyBytes)) return refuse(issues, path, value, "Input should be a valid string");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value.bytes);
  } catch {
    return refuse(issues, path, value, "Input should be a valid string, unable to parse raw data as a unicode string");
  }
};

export const whole: FieldType = (value, path, issues) => {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof PyFloat) {
    if (!Number.isFinite(value.value)) return refuse(issues, path, value, "Input should be a finite number");
    if (Number.isInteger(value.value)) return BigInt(value.value);
    return refuse(issues, path, value, "Input should be a valid integer, got a number with a fractional part");
  }
  if (typeof value !== "string") return refuse(issues, path, value, "Input should be a valid integer");
  const digits = /^\s*([-+]?)([0-9]+(?:_[0-9]+)*)(?:\.0+)?\s*$/.exec(value);
  if (!digits) {
    return refuse(issues, path, value, "Input should be a valid integer, unable to parse string as an integer");
  }
  const size = BigInt((digits[2] ?? "").replaceAll("_", ""));
  return digits[1] === "-" ? -size : size;
};

export const float: FieldType = (value, path, issues) => {
  if (value instanceof PyFloat) return value;
  if (typeof value === "bigint" || typeof value === "boolean") return new PyFloat(Number(value));
  if (typeof value !== "string") return refuse(issues, path, value, "Input should be a valid number");
  const plain = value.trim();
  const number = /^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(plain)
    ? Number(plain.replaceAll("_", ""))
    : Number.NaN;
  if (!Number.isNaN(number)) return new PyFloat(number);
  return refuse(issues, path, value, "Input should be a valid number, unable to parse string as a number");
};

const truths: Readonly<Record<string, boolean>> = {
  "0": false,
  off: false,
  f: false,
  false: false,
  n: false,
  no: false,
  "1": true,
  on: true,
  t: true,
  true: true,
  y: true,
  yes: true,
};

export const flag: FieldType = (value, path, issues) => {
  if (typeof value === "boolean") return value;
  const plain = value instanceof PyFloat && Number.isInteger(value.value) ? BigInt(value.value) : value;
  const spelt =
    typeof plain === "bigint" ? plain.toString() : typeof plain === "string" ? plain.toLowerCase() : undefined;
  if (spelt === undefined) return refuse(issues, path, value, "Input should be a valid boolean");
  if (Object.hasOwn(truths, spelt)) return truths[spelt] === true;
  return refuse(issues, path, value, "Input should be a valid boolean, unable to interpret input");
};

/** A type whose null stands for "not given". */
export const orNull =
  (type: FieldType): FieldType =>
  (value, path, issues) =>
    value === null ? null : type(value, path, issues);

/** A type with a condition; `message` is what the library says where it is not met. */
export const checked =
  (type: FieldType, message: (value: PyValue) => string | undefined): FieldType =>
  (value, path, issues) => {
    const before = issues.length;
    const made = type(value, path, issues);
    const said = issues.length === before ? message(made) : undefined;
    return said === undefined ? made : refuse(issues, path, value, said);
  };

/** A text with a condition of the library's own. */
export const textWhere = (problem: (text: string) => string | undefined): FieldType =>
  checked(text, (value) => {
    const said = problem(String(value));
    return said === undefined ? undefined : `Value error, ${said}`;
  });

export const filledText: FieldType = checked(text, (value) =>
  value === "" ? "String should have at least 1 character" : undefined,
);

export const oneOf =
  (...names: readonly string[]): FieldType =>
  (value, path, issues) => {
    if (typeof value === "string" && names.includes(value)) return value;
    const quoted = names.map((name) => `'${name}'`);
    const last = quoted.pop();
    const all = quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
    return refuse(issues, path, value, `Input should be ${all}`);
  };

export const listOf =
  (type: FieldType): FieldType =>
  (value, path, issues) => {
    if (!Array.isArray(value)) return refuse(issues, path, value, "Input should be a valid list");
    return (value as readonly PyValue[]).map((item, index) => type(item, [...path, String(index)], issues));
  };

/** A mapping of texts to values of one type. */
export const mapOf =
  (type: FieldType): FieldType =>
  (value, path, issues) => {
    if (!(value instanceof PyMapping)) return refuse(issues, path, value, "Input should be a valid dictionary");
    const made = new PyMapping();
    for (const [key, item] of value.entries) {
      const inside = [...path, pythonText(key)];
      made.set(text(key, inside, issues), type(item, inside, issues));
    }
    return made;
  };

export interface ModelOptions {
  /** Name of the library's class, as its messages say it. */
  readonly name: string;
  /** Whether keys that it does not know stay. @default true */
  readonly keepsUnknown?: boolean;
  /** What the library changes before it reads the fields. */
  readonly before?: (value: PyMapping) => PyMapping;
  /** Conditions over several fields. */
  readonly after?: (value: PyMapping) => string | undefined;
  /** What the library changes when it writes the value. */
  readonly written?: (value: PyMapping) => PyMapping;
}

/** A mapping with known fields. */
export function model(fields: Readonly<Record<string, Field>>, options: ModelOptions): FieldType {
  const { name, keepsUnknown = true, before, after, written } = options;
  return (given, path, issues) => {
    if (!(given instanceof PyMapping)) {
      return refuse(issues, path, given, `Input should be a valid dictionary or instance of ${name}`);
    }
    const value = before?.(given) ?? given;
    const known = issues.length;
    const made = new PyMapping();
    for (const [key, { type, initial }] of Object.entries(fields)) {
      const found = value.get(key);
      if (found !== undefined) made.set(key, type(found, [...path, key], issues));
      else if (initial) made.set(key, initial());
      else refuse(issues, [...path, key], given, "Field required");
    }
    for (const [key, item] of value.entries) {
      if (typeof key !== "string") refuse(issues, [...path, pythonText(key)], key, "Keys should be strings");
      else if (keepsUnknown && !Object.hasOwn(fields, key)) made.set(key, item);
    }
    const said = issues.length === known ? after?.(made) : undefined;
    if (said !== undefined) return refuse(issues, path, given, `Value error, ${said}`);
    return issues.length === known ? (written?.(made) ?? made) : made;
  };
}
