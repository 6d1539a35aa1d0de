import { maskedText } from "../credentials/maskedText.ts";

/** Lines that uv writes when it cannot install something; what is wrapped follows indented. */
const begins = /^\s*(?:×|╰─▶|├─▶|error:|Caused by:)/;
const continues = /^\s{2,}\S/;
const longest = 600;

/**
 * Why an installation failed, from the last lines of a container's log: the control server itself only knows the exit status. Undefined
 * where no installer says anything.
 */
export function installerReason(lines: readonly string[]): string | undefined {
  const last = lines.findLastIndex((line) => begins.test(line));
  if (last < 0) return undefined;
  let first = last;
  while (first > 0 && isPart(lines[first - 1] ?? "")) first -= 1;
  let end = last + 1;
  while (end < lines.length && continues.test(lines[end] ?? "")) end += 1;
  const text = lines
    .slice(first, end)
    .map((line) => line.replace(/^[\s×╰─▶├│]+/u, "").trim())
    .filter((line) => line !== "" && !/^(hint|help|warning):/i.test(line))
    .join(" ");
  const shown = maskedText(text);
  return shown.length > longest ? `${shown.slice(0, longest - 1)}…` : shown;
}

function isPart(line: string): boolean {
  return begins.test(line) || continues.test(line);
}
