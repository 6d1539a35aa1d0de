/** The last line of what a command printed, which mostly says why it failed; undefined where it printed nothing. */
export function lastLine(text: string): string | undefined {
  return text.trim().split("\n").at(-1) || undefined;
}
