/**
 * What PyYAML makes of a document, as far as TypeScript's own types cannot say it: Python tells `3` from `3.0`, and prints dates
 * and large numbers its own way.
 */
export type PyValue = null | boolean | bigint | string | PyFloat | PyDate | PyBytes | readonly PyValue[] | PyMapping;

/** A Python `float`. */
export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A Python `date`, or `datetime` where it has a time. */
export class PyDate {
  /** `2024-01-31` */
  readonly day: string;
  /** `10:30:00`, or `10:30:00.250000`. */
  readonly time: string | undefined;
  /** `+02:00`; undefined for a time of no zone. */
  readonly zone: string | undefined;
  constructor(day: string, time?: string, zone?: string) {
    this.day = day;
    this.time = time;
    this.zone = zone;
  }
}

/** Python `bytes`. */
export class PyBytes {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A Python `dict`: keys in the order in which they were written first, each with the value that was written last. */
export class PyMapping {
  readonly #items = new Map<string, readonly [PyValue, PyValue]>();

  get entries(): readonly (readonly [PyValue, PyValue])[] {
    return [...this.#items.values()];
  }

  get(key: string): PyValue | undefined {
    return this.#items.get(identity(key))?.[1];
  }

  has(key: PyValue): boolean {
    return this.#items.has(identity(key));
  }

  set(key: PyValue, value: PyValue): this {
    const id = identity(key);
    this.#items.set(id, [this.#items.get(id)?.[0] ?? key, value]);
    return this;
  }
}

/** Python's `1`, `1.0` and `True` are one key. */
function identity(key: PyValue): string {
  if (typeof key === "string") return `text ${key}`;
  if (typeof key === "boolean") return `number ${Number(key)}`;
  if (typeof key === "bigint") return `number ${key}`;
  if (key instanceof PyFloat) return `number ${key.value}`;
  return `${typeNameOf(key)} ${pythonText(key)}`;
}

/** Name of the value's type in Python. */
export function typeNameOf(value: PyValue): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "string") return "str";
  if (value instanceof PyFloat) return "float";
  if (value instanceof PyDate) return value.time === undefined ? "date" : "datetime";
  if (value instanceof PyBytes) return "bytes";
  return value instanceof PyMapping ? "dict" : "list";
}

/** The value as Python's `str()` prints it; texts as they are. */
export function pythonText(value: PyValue): string {
  return typeof value === "string" ? value : repr(value);
}

function repr(value: PyValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return quoted(value);
  if (value instanceof PyFloat) return floatText(value.value);
  if (value instanceof PyDate) return [value.day, value.time].filter(Boolean).join(" ") + (value.zone ?? "");
  if (value instanceof PyBytes) return `b${quoted(Buffer.from(value.bytes).toString("latin1"))}`;
  if (!(value instanceof PyMapping)) return `[${value.map(repr).join(", ")}]`;
  return `{${value.entries.map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(", ")}}`;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    .replaceAll(quote, `\\${quote}`);
  return quote + body + quote;
}

/** Python writes exponents from 1e16 on and below 1e-4, with two digits at least. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits = "", exponent = "0"] = value.toExponential().split("e");
    const power = Number(exponent);
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** What JSON cannot carry as it is, with its place in the document. */
export class NotInJson extends Error {
  override readonly name = "NotInJson";
  readonly path: readonly string[];
  constructor(path: readonly string[], message: string) {
    super(message);
    this.path = path;
  }
}

/**
 * The value as the truss library writes it into JSON. A whole float such as `1.0` becomes `1`, for JavaScript's JSON knows one
 * kind of number.
 * @throws NotInJson for numbers that JSON cannot carry, and for bytes that are not UTF-8.
 */
export function exactJson(value: PyValue): unknown {
  return toJson(value, [], (path, message) => {
    throw new NotInJson(path, message);
  });
}

/** The same for reading alone: what JSON cannot carry is what JavaScript makes of it. */
export function looseJson(value: PyValue): unknown {
  return toJson(value, [], () => {});
}

type Unfit = (path: readonly string[], message: string) => void;

function toJson(value: PyValue, path: readonly string[], unfit: Unfit): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) unfit(path, `the number ${value} does not fit into JSON`);
    return number;
  }
  if (value instanceof PyFloat) {
    if (!Number.isFinite(value.value)) unfit(path, `${floatText(value.value)} does not fit into JSON`);
    return value.value;
  }
  if (value instanceof PyDate) return isoText(value);
  if (value instanceof PyBytes) return textOfBytes(value, path, unfit);
  if (!(value instanceof PyMapping)) return value.map((item, index) => toJson(item, [...path, String(index)], unfit));
  return Object.fromEntries(
    value.entries.map(([key, item]) => {
      const name = keyText(key);
      return [name, toJson(item, [...path, name], unfit)];
    }),
  );
}

function keyText(key: PyValue): string {
  if (typeof key === "boolean") return String(key);
  return key instanceof PyDate ? isoText(key) : pythonText(key);
}

function isoText({ day, time, zone }: PyDate): string {
  if (time === undefined) return day;
  return `${day}T${time}${zone === "+00:00" ? "Z" : (zone ?? "")}`;
}

function textOfBytes({ bytes }: PyBytes, path: readonly string[], unfit: Unfit): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    unfit(path, "binary data that is not UTF-8 does not fit into JSON");
    return Buffer.from(bytes).toString("base64");
  }
}
