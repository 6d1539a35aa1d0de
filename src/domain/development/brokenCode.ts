import { maskedText } from "../credentials/maskedText.ts";

/** An exception that a model's code raised, as its log tells it. */
export interface BrokenCode {
  /** Such as `SyntaxError: invalid syntax`; credentials of addresses in it are not shown. */
  readonly exception: string;
  /** Path below the truss, where the exception is in the truss's own code. */
  readonly file: string | undefined;
  readonly line: number | undefined;
}

const begins = "Traceback (most recent call last):";
const place = /^\s*File "([^"]+)", line (\d+)/;
/** So many lines of one traceback are kept. */
const longest = 2_000;

/**
 * Finds exceptions in the lines of a model's log, which the truss servers write as JSON (a traceback in `exc_info`), and which
 * Python itself writes as they are.
 *
 * @param folders - folders of the truss that hold code, such as `model` and `packages`.
 */
export function brokenCodeReader(
  folders: readonly string[] = ["model", "packages"],
): (line: string) => BrokenCode | undefined {
  let traceback: string[] | undefined;
  const read = (line: string): BrokenCode | undefined => {
    if (line.startsWith(begins)) {
      traceback = [];
      return undefined;
    }
    if (!traceback || traceback.length > longest) return undefined;
    const isInside = line === "" || /^\s/.test(line);
    if (isInside) {
      traceback.push(line);
      return undefined;
    }
    const lines = traceback;
    traceback = undefined;
    // What ends a traceback is the exception; anything else is another writer's line in between.
    return /^[A-Za-z_][\w.]*(?::|$)/.test(line) ? found(lines, line, folders) : undefined;
  };
  return (line) => {
    const inside = tracebackOf(line);
    if (inside === undefined) return read(line);
    let last: BrokenCode | undefined;
    for (const one of inside.split("\n")) last = read(one) ?? last;
    return last;
  };
}

/** Text of a traceback in a line of JSON. */
function tracebackOf(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const { exc_info: traceback } = JSON.parse(line) as { exc_info?: unknown };
    return typeof traceback === "string" ? traceback : undefined;
  } catch {
    return undefined;
  }
}

function found(lines: readonly string[], exception: string, folders: readonly string[]): BrokenCode {
  const places = lines.flatMap((line) => {
    const [, path = "", number = ""] = place.exec(line) ?? [];
    const file = ownPath(path, folders);
    return file === undefined ? [] : [{ file, line: Number(number) }];
  });
  const last = places.at(-1);
  const text = maskedText(exception);
  const shown = text.length > 300 ? `${text.slice(0, 299)}…` : text;
  return { exception: shown, file: last?.file, line: last?.line };
}

function ownPath(path: string, folders: readonly string[]): string | undefined {
  // In its container the truss is /app, and its bundled packages are /packages.
  const inside = path.replace(/^\/app\//, "").replace(/^\//, "");
  return folders.some((folder) => inside.startsWith(`${folder}/`)) ? inside : undefined;
}

/** `model/model.py line 3: SyntaxError: invalid syntax` */
export function brokenCodeLine({ exception, file, line }: BrokenCode): string {
  return file === undefined ? exception : `${file} line ${line}: ${exception}`;
}
