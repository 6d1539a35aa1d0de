import type { Command } from "commander";
import { refuse } from "../../domain/batch/refusals.ts";
import { readBody } from "../jsonBody.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { jsonOption } from "../options.ts";

/** Options of a batch. */
export interface FileOptions {
  readonly file: string;
  readonly out?: string;
  readonly concurrency: number;
  readonly tries: number;
  /** Minutes. */
  readonly patience: number;
  /** Seconds. */
  readonly timeout: number;
  readonly retryAll: boolean;
  readonly path?: string;
  readonly json: boolean;
}

/** Options of a command that sends one prediction, or one for each line of a file. */
export interface DataOrFile extends Omit<FileOptions, "file"> {
  readonly data?: string;
  readonly file?: string;
}

/** Adds `--data` and `--file`, and the options of the latter. */
export function dataOrFile(command: Command): Command {
  return command
    .option("-d, --data <json>", "the body: JSON, or @FILE")
    .option("-f, --file <file>", "a batch: one request a line, bodies or OpenAI's batch format")
    .option("-o, --out <file>", "file that the answers are appended to (default: FILE with .answers.jsonl)")
    .option("--concurrency <count>", "requests in flight, at most", wholeNumberArgument(1, 1_000), 4)
    .option("--path <path>", "path at the model of lines that name none, such as /v1/chat/completions")
    .option(
      "--tries <count>",
      "how often a line is sent that is answered by 429 or 503 while others are not",
      wholeNumberArgument(1, 1_000),
      10,
    )
    .option("--patience <minutes>", "how long nothing may be answered at all", wholeNumberArgument(1, 100_000), 10)
    .option("--timeout <seconds>", "until an answer is complete", wholeNumberArgument(1, 86_400), 600)
    .option("--retry-all", "also send again what the model may have executed: time-outs, cut connections, 5xx", false)
    .addOption(jsonOption());
}

export const batchHelp =
  "\nWith --file, a second run continues where the first one ended. It exits with 1 if the answer to a line is an error. docs/batch.md";

const ofFileAlone = ["out", "concurrency", "path", "tries", "patience", "timeout", "retryAll", "json"] as const;

/** The one thing that is sent: a body, or a file. @throws OperatorError where both are given, or none. */
export async function sentBy(
  command: Command,
  options: DataOrFile,
): Promise<{ readonly body: string } | { readonly file: FileOptions }> {
  const { data, file } = options;
  if ((data === undefined) === (file === undefined)) throw refuse("batch.data-or-file");
  if (file !== undefined) return { file: { ...options, file } };
  const given = ofFileAlone.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return { body: await readBody(data ?? "") };
  const flag = command.options.find((option) => option.attributeName() === given)?.long ?? given;
  throw refuse("batch.option-of-file", { option: flag });
}
