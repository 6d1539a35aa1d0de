import { type FileHandle, open, stat } from "node:fs/promises";
import { AnsweredLines } from "../../domain/batch/answeredLines.ts";
import { type AnswerHead, answerHead, longestHead } from "../../domain/batch/answerLine.ts";
import { refuse } from "../../domain/batch/refusals.ts";
import { messageOf } from "../../domain/errors.ts";

/** What a file of answers holds. */
export interface FoundAnswers {
  readonly lines: AnsweredLines;
  /** Of those, lines whose answer is an error. */
  readonly failed: number;
  /** Bytes of whole answers: what follows was cut off when a process or its machine ended. */
  readonly size: number;
}

const lineFeed = 0x0a;
const begin = '{"line":';
const pieceBytes = 1024 ** 2;

/**
 * What is answered already. A file that is not there has no answers.
 * @throws OperatorError for a file that holds something else, or answers of another model.
 */
export async function readAnswers(out: string, model: string): Promise<FoundAnswers> {
  const lines = new AnsweredLines();
  const found = { failed: 0, size: 0 };
  let number = 0;
  for await (const { beginning, end, isEnded } of linesOf(out)) {
    number += 1;
    if (isCutOff(beginning, isEnded, number)) break;
    const head = isEnded ? answerHead(beginning) : undefined;
    if (!head) throw refuse("batch.out-not-answers", { out, line: number });
    if (head.model !== model) throw refuse("batch.out-of-other-model", { out, found: head.model, model });
    if (!lines.add(head.line)) throw refuse("batch.out-twice", { out, line: head.line });
    if (!head.isOk) found.failed += 1;
    found.size = end;
  }
  return { lines, ...found };
}

/** The heads of the answers, in the order of the file. */
export async function* answerHeads({
  out,
  size,
}: {
  readonly out: string;
  readonly size: number;
}): AsyncGenerator<AnswerHead> {
  for await (const { beginning, end } of linesOf(out)) {
    if (end > size) return;
    const head = answerHead(beginning);
    if (head) yield head;
  }
}

/** The last line of a process that was killed, or what a machine that lost its power has left of the last ones. */
function isCutOff(beginning: string, isEnded: boolean, number: number): boolean {
  if (number > 1 && beginning.startsWith("\0")) return true;
  return !isEnded && (beginning.startsWith(begin) || begin.startsWith(beginning));
}

interface FoundLine {
  readonly beginning: string;
  /** Where the next line begins, in bytes. */
  readonly end: number;
  /** Whether a line feed follows. */
  readonly isEnded: boolean;
}

/** The beginnings of a file's lines, whatever their lengths. */
async function* linesOf(out: string): AsyncGenerator<FoundLine> {
  const handle = await opened(out);
  if (!handle) return;
  try {
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    let beginning = "";
    let [offset, start] = [0, 0];
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, pieceBytes, offset);
      if (bytesRead === 0) break;
      let from = 0;
      for (let at = indexIn(piece, from, bytesRead); at >= 0; at = indexIn(piece, from, bytesRead)) {
        beginning += headOf(piece, from, at, beginning.length);
        start = offset + at + 1;
        yield { beginning, end: start, isEnded: true };
        beginning = "";
        from = at + 1;
      }
      beginning += headOf(piece, from, bytesRead, beginning.length);
      offset += bytesRead;
    }
    if (offset > start) yield { beginning, end: offset, isEnded: false };
  } finally {
    await handle.close();
  }
}

function indexIn(piece: Buffer, from: number, end: number): number {
  const at = piece.indexOf(lineFeed, from);
  return at < end ? at : -1;
}

/** Heads are ASCII; what follows them is not read. */
function headOf(piece: Buffer, from: number, to: number, known: number): string {
  return piece.toString("latin1", from, Math.min(to, from + Math.max(0, longestHead - known)));
}

async function opened(out: string): Promise<FileHandle | undefined> {
  try {
    // Opening a pipe waits for who writes to it.
    if ((await stat(out)).isFile()) return await open(out, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw refuse("batch.out-unreadable", { out, reason: messageOf(error) }, error);
  }
  throw refuse("batch.out-unreadable", { out, reason: "it is not a regular file" });
}
