import { refuse } from "../../domain/batch/refusals.ts";
import { answerHeads, type FoundAnswers } from "./answers.ts";
import type { BatchInput } from "./input.ts";
import { isBlank, type LinePlace, sha256Of } from "./inputLines.ts";

/**
 * Compares every line that is answered with what was asked, and answers where the first line without an answer begins. Answers are roughly
 * in the order of the lines, so that of those few whose turn comes later are kept at a time.
 *
 * @param onCompared - told how far it is, in bytes of the input
 * @throws OperatorError where a line is another one, or is gone.
 */
export async function compareAnswered(
  input: BatchInput,
  out: string,
  { lines, size }: FoundAnswers,
  { signal, onCompared }: { readonly signal: AbortSignal; readonly onCompared: (bytes: number) => void },
): Promise<LinePlace> {
  const heads = answerHeads({ out, size });
  const early = new Map<number, string>();
  let place: LinePlace | undefined;
  let next: LinePlace = { number: 1, offset: 0 };
  try {
    for await (const line of input.lines(next)) {
      signal.throwIfAborted();
      const { number, offset, end } = line;
      if (number > lines.last) break;
      if (lines.has(number)) {
        const asked = await answeredOf(number, heads, early);
        if (asked !== sha256Of(line)) throw refuse("batch.edited", { file: input.file, line: number, out });
      } else if (!place && !isBlank(line)) {
        place = { number, offset };
      }
      next = { number: number + 1, offset: end };
      onCompared(end);
    }
  } finally {
    await heads.return(undefined);
  }
  if (next.number <= lines.last) {
    throw refuse("batch.shortened", { file: input.file, lines: next.number - 1, out, line: lines.last });
  }
  return place ?? next;
}

async function answeredOf(
  line: number,
  heads: AsyncGenerator<{ readonly line: number; readonly sha256: string }>,
  early: Map<number, string>,
): Promise<string | undefined> {
  for (;;) {
    const found = early.get(line);
    if (found !== undefined) {
      early.delete(line);
      return found;
    }
    const { value, done } = await heads.next();
    if (done) return undefined;
    early.set(value.line, value.sha256);
  }
}
