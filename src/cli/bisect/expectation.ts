import { spawn } from "node:child_process";
import { decodeBody, readBody } from "../../adapters/predictions/decodedBody.ts";
import type { SentAgain } from "../../adapters/predictions/sendRecorded.ts";
import type { NotJudged } from "../../domain/bisect/ports.ts";
import { lastLine } from "../../domain/lastLine.ts";
import type { OperationName } from "../../domain/protocols/operation.ts";
import { operationNamed } from "../../domain/protocols/operations.ts";
import { judgePair } from "../../domain/shadow/judgement.ts";
import type { RecordedAnswer } from "../../domain/shadow/recorded.ts";
import { type ComparisonRules, compileRules } from "../../domain/shadow/rules.ts";
import { refuse } from "./refusals.ts";

/** Whether an answer is as expected. */
export type Expectation = (sent: SentAgain) => Promise<"expected" | "faulty" | NotJudged>;

/** An answer as it is kept, to be read again. */
export interface KeptAnswer {
  readonly status: number | null;
  readonly failure: RecordedAnswer["failure"];
  /** Its body, in base64, and the body's content coding. */
  readonly body: string;
  readonly encoding: string | null;
}

interface Comparing {
  readonly rules: ComparisonRules;
  /** What was asked; null where nobody knows. */
  readonly operation: OperationName | null;
}

/** Any answer of 200 with this JSON. */
export function expectJson(json: string, { rules, operation }: Comparing): Expectation {
  const body = readBody(Buffer.from(json), null);
  const expected: RecordedAnswer = { status: 200, failure: null, latencyMs: null, body };
  return expectOneOf([expected], { rules, operation });
}

/** An answer that is one of those that a release gave. */
export function expectAnswers(answers: readonly KeptAnswer[], comparing: Comparing): Expectation {
  return expectOneOf(answers.map(asRecorded), comparing);
}

/** What an answer is kept as. */
export function keptAnswer({ answer: { status, failure }, content }: SentAgain): KeptAnswer {
  return { status, failure, body: Buffer.from(content.bytes).toString("base64"), encoding: content.encoding };
}

function asRecorded({ status, failure, body, encoding }: KeptAnswer): RecordedAnswer {
  return { status, failure, latencyMs: null, body: readBody(Buffer.from(body, "base64"), encoding) };
}

function expectOneOf(answers: readonly RecordedAnswer[], { rules, operation }: Comparing): Expectation {
  const compiled = compileRules(rules, operation === null ? undefined : operationNamed(operation));
  return async ({ answer }) => {
    const judged = answers.map((expected) => compare(expected, answer, compiled));
    if (judged.includes("expected")) return "expected";
    return judged.find((each) => typeof each === "object") ?? "faulty";
  };
}

function compare(
  expected: RecordedAnswer,
  answer: RecordedAnswer,
  rules: ReturnType<typeof compileRules>,
): "expected" | "faulty" | NotJudged {
  // A release that answers nothing is expected to go on answering nothing.
  if (expected.failure !== null) return answer.failure === expected.failure ? "expected" : "faulty";
  const judgement = judgePair({ requestId: "", at: 0, primary: expected, shadow: answer, sameBody: false }, rules);
  if ("notJudged" in judgement) return { notJudged: `its answer cannot be compared (${judgement.notJudged})` };
  return judgement.differences.length === 0 ? "expected" : "faulty";
}

/** Exit codes of a check, as `git bisect run` has them: 0 as expected, 125 not to be judged, up to 127 not as expected, above it ends the search. */
const notToBeJudged = 125;
const shellFailures = [126, 127];

/**
 * A command says whether an answer is as expected. It gets the body on standard input, decoded, and the status as `MENAGERIE_STATUS`,
 * which is empty where nothing answered.
 *
 * @throws OperatorError where it cannot be run, or is ended by a signal.
 */
export function expectByCommand(command: string, signal: AbortSignal): Expectation {
  return async ({ answer, content }) => {
    const decoded = decodeBody(content.bytes, content.encoding);
    const body = decoded instanceof Uint8Array ? decoded : content.bytes;
    const { code, said } = await runCheck(command, body, answer.status, signal);
    if (code === 0) return "expected";
    if (code === notToBeJudged)
      return { notJudged: `the check ended with ${notToBeJudged}${said === "" ? "" : `: ${said}`}` };
    if (code === null || code > 127 || shellFailures.includes(code)) {
      throw refuse("bisect.check-failed", {
        command,
        how: code === null ? "was ended by a signal" : `ended with ${code}`,
        said: said === "" ? "it wrote nothing to standard error" : said,
      });
    }
    return "faulty";
  };
}

function runCheck(
  command: string,
  body: Uint8Array,
  status: number | null,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MENAGERIE_STATUS: status === null ? "" : String(status) };
    const child = spawn("/bin/sh", ["-c", command], { env, signal, stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-1_000);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, said: lastLine(said) ?? "" }));
    // A check need not read what it gets.
    child.stdin.on("error", () => {});
    child.stdin.end(body);
  });
}
