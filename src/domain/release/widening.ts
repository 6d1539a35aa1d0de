/** Types that hold every value of another one exactly, by that other's name. */
const wider: Readonly<Record<string, readonly string[]>> = {
  smallint: ["integer", "bigint", "numeric", "real", "double precision"],
  integer: ["bigint", "numeric", "double precision"],
  bigint: ["numeric"],
  real: ["double precision"],
  "character varying": ["text"],
  character: [],
  text: ["character varying"],
};

/**
 * Whether a column of one PostgreSQL type keeps every value exactly when it becomes another, such as `varchar(10)` to `text`.
 * Both as `format_type` writes them. Whatever would round, cut off or reinterpret a value is none.
 */
export function isWidening(from: string, to: string): boolean {
  const [before, after] = [parts(from), parts(to)];
  if (before.name !== after.name) return (wider[before.name] ?? []).includes(after.name) && after.sizes.length === 0;
  if (after.sizes.length === 0) return true;
  if (before.sizes.length === 0) return false;
  const [digits = 0, scale = 0] = before.sizes;
  const [digitsNow = 0, scaleNow = 0] = after.sizes;
  if (before.name === "numeric") return scaleNow >= scale && digitsNow - scaleNow >= digits - scale;
  // A longer `char(n)` pads its values.
  return before.name !== "character" && digitsNow >= digits;
}

function parts(type: string): { readonly name: string; readonly sizes: readonly number[] } {
  const [, name = type, sizes, rest = ""] = /^([^(]+)\(([\d,]+)\)(.*)$/.exec(type) ?? [];
  return { name: name + rest, sizes: sizes?.split(",").map(Number) ?? [] };
}
