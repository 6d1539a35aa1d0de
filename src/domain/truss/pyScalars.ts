import { PyDate, PyFloat, type PyValue } from "./pyValue.ts";

/**
 * Plain scalars as PyYAML's safe loader reads them (YAML 1.1, less what it leaves out: `y` and `1e3` are texts, `08` is one too,
 * `010` is 8, `1:30` is 90). In PyYAML's order.
 */
const readers: readonly (readonly [tag: string, pattern: RegExp, read: (text: string) => PyValue])[] = [
  ["bool", /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/, boolean],
  [
    "float",
    new RegExp(
      [
        String.raw`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?`,
        String.raw`\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?`,
        String.raw`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*`,
        String.raw`[-+]?\.(?:inf|Inf|INF)`,
        String.raw`\.(?:nan|NaN|NAN))$`,
      ].join("|"),
    ),
    float,
  ],
  [
    "int",
    new RegExp(
      [
        "^(?:[-+]?0b[0-1_]+",
        "[-+]?0[0-7_]+",
        "[-+]?(?:0|[1-9][0-9_]*)",
        "[-+]?0x[0-9a-fA-F_]+",
        "[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
      ].join("|"),
    ),
    integer,
  ],
  ["null", /^(?:~|null|Null|NULL|)$/, () => null],
  [
    "timestamp",
    new RegExp(
      [
        String.raw`^(?:\d{4}-\d\d-\d\d`,
        String.raw`\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`,
      ].join("|"),
    ),
    timestamp,
  ],
];

/** What a tag of YAML's own, such as `int`, makes of a text that is no such thing; the safe loader fails there. */
export class WrongScalar extends Error {
  override readonly name = "WrongScalar";
}

/** The value of a plain scalar. */
export function plainScalar(text: string): PyValue {
  if (text === "=" || text === "<<") throw new WrongScalar(`"${text}" has no meaning here; put quotes around it`);
  const reader = readers.find(([, pattern]) => pattern.test(text));
  return reader ? reader[2](text) : text;
}

/** The value of a scalar that says its type, such as `!!int "3"`; undefined where the tag is not one of these. */
export function taggedScalar(tag: string, text: string): PyValue | undefined {
  const reader = readers.find(([name]) => name === tag);
  if (!reader) return undefined;
  const [, pattern, read] = reader;
  if (tag === "null") return null;
  // Where PyYAML is told the type it does not look at the pattern: "!!float 3" is 3.0.
  if (tag === "float" && /^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$/.test(text)) return float(text);
  if (!pattern.test(text)) throw new WrongScalar(`"${text}" is not of type ${tag}`);
  return read(text);
}

function boolean(text: string): boolean {
  return /^(?:yes|true|on)$/i.test(text);
}

function signed(text: string): { readonly sign: 1 | -1; readonly rest: string } {
  const plain = text.replaceAll("_", "");
  return { sign: plain.startsWith("-") ? -1 : 1, rest: plain.replace(/^[-+]/, "") };
}

function integer(text: string): bigint {
  const { sign, rest } = signed(text);
  const size = sizeOf(rest, text);
  return sign === -1 ? -size : size;
}

function sizeOf(rest: string, text: string): bigint {
  if (rest.includes(":")) return rest.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
  if (/^0[bx]$/.test(rest)) throw new WrongScalar(`"${text}" is not a number`);
  return BigInt(/^0[0-7]/.test(rest) ? `0o${rest}` : rest);
}

function float(text: string): PyFloat {
  const { sign, rest } = signed(text.toLowerCase());
  if (rest === ".inf") return new PyFloat(sign * Number.POSITIVE_INFINITY);
  if (rest === ".nan") return new PyFloat(Number.NaN);
  const size = rest.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return new PyFloat(sign * size);
}

function timestamp(text: string): PyDate {
  const found =
    /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/.exec(
      text,
    );
  const [
    ,
    year = "",
    month = "",
    date = "",
    hour,
    minute = "",
    second = "",
    fraction,
    zone,
    sign,
    zoneHour,
    zoneMinute,
  ] = found ?? [];
  const day = [year, month.padStart(2, "0"), date.padStart(2, "0")].join("-");
  const isDay =
    !Number.isNaN(Date.parse(`${day}T00:00:00Z`)) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  if (!isDay || year === "0000") throw new WrongScalar(`"${text}" is no date`);
  if (hour === undefined) return new PyDate(day);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) throw new WrongScalar(`"${text}" is no time`);
  const micro = (fraction ?? "").slice(0, 6).padEnd(6, "0");
  const time = [hour.padStart(2, "0"), minute, second].join(":") + (Number(micro) === 0 ? "" : `.${micro}`);
  if (zone === undefined) return new PyDate(day, time);
  if (sign === undefined || zoneHour === undefined) return new PyDate(day, time, "+00:00");
  if (Number(zoneHour) > 23) throw new WrongScalar(`"${text}" has no such time zone`);
  const offset = `${zoneHour.padStart(2, "0")}:${zoneMinute ?? "00"}`;
  return new PyDate(day, time, offset === "00:00" ? "+00:00" : `${sign}${offset}`);
}
