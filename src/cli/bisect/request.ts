import { readFile } from "node:fs/promises";
import type { ClientBase } from "pg";
import * as z from "zod";
import { recordedRequestOfId } from "../../adapters/postgres/predictions/recordedRequests.ts";
import { operationAsked, replayUrl } from "../../domain/protocols/asked.ts";
import { recordingSchema } from "../../domain/recording/settings.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import { comparisonOutput } from "../../domain/shadow/deployed.ts";
import { readExactJson } from "../../domain/shadow/exactJson.ts";
import { primarySide, shadowSchema } from "../../domain/shadow/names.ts";
import type { ComparisonRules } from "../../domain/shadow/rules.ts";
import { readBody } from "../jsonBody.ts";
import type { Recording } from "../recordings.ts";
import type { BisectRequest } from "./raiseTrials.ts";
import { refuse } from "./refusals.ts";

/** What is asked of every release, and of which of its models. */
export interface AskedRequest {
  readonly request: BisectRequest;
  /** Undefined where only `--model` can say. */
  readonly model: string | undefined;
  /** For people, such as `request 7f3a`. */
  readonly text: string;
  /** What the stack declares about differences. */
  readonly compare: ComparisonRules;
}

export interface RequestOptions {
  readonly request?: string;
  readonly data?: string;
  readonly path: string;
}

/** The body of `--data`. @throws OperatorError for text that is not JSON, or a path that predicts nothing */
export async function givenRequest(data: string, path: string): Promise<AskedRequest> {
  const operation = operationAsked(path)?.name ?? "own";
  if (replayUrl("http://trial/v1/models/model:predict", path, operation) === undefined)
    throw refuse("bisect.path", { path });
  const body = Buffer.from(await readBody(data));
  return {
    request: { url: path, operation, body, headers: { "content-type": "application/json" } },
    model: undefined,
    text: data.startsWith("@") ? data.slice(1) : "the given request",
    compare: {},
  };
}

/** The JSON of `--expect`, which may be in a file. @throws OperatorError for text that is not JSON */
export async function givenExpectation(expect: string): Promise<string> {
  const text = expect.startsWith("@") ? await readFile(expect.slice(1), "utf8").catch(() => undefined) : expect;
  if (text === undefined) throw refuse("bisect.expect-unreadable", { expect });
  if ("value" in readExactJson(text)) return text;
  throw refuse("bisect.expect-not-json", { expect: text.slice(0, 80) });
}

const recordingConfig = z.object({
  zoo: z.record(z.string(), z.object({ recording: z.unknown().optional() })).default({}),
  shadows: z.record(z.string(), z.object({ compare: comparisonOutput.optional() })).default({}),
});

/** Where a request may have been recorded. */
export type SearchedRecording = Pick<Recording, "name" | "kind" | "schema" | "compare">;

/** Recordings of a deployment, by the config that it was made from: the record has that of every stack, wherever its outputs are. */
export function recordingsOf(config: StackConfig): SearchedRecording[] {
  const { zoo, shadows } = recordingConfig.parse(config);
  return [
    ...Object.entries(zoo).flatMap(([name, { recording }]): SearchedRecording[] =>
      recording === undefined ? [] : [{ name, kind: "zoo", schema: recordingSchema(name) }],
    ),
    ...Object.entries(shadows).map(
      ([name, { compare }]): SearchedRecording => ({
        name,
        kind: "shadow",
        schema: shadowSchema(name, primarySide),
        compare,
      }),
    ),
  ];
}

const reasons = {
  truncated: "its body was not kept whole",
  redacted: "values in it were redacted when it was recorded",
} as const;

/** A recorded request, in whichever recording it is; of a zoo model's, with the model. @throws OperatorError where it is in none, or not whole. */
export async function recordedRequest(
  client: ClientBase,
  recordings: readonly SearchedRecording[],
  id: string,
): Promise<AskedRequest> {
  for (const { name, kind, schema, compare = {} } of recordings) {
    const found = await recordedRequestOfId(client, schema, id);
    if (!found) continue;
    if ("notKept" in found) throw refuse("bisect.request-not-kept", { id, reason: reasons[found.notKept] });
    const { url, operation, body, headers } = found;
    return {
      request: { url, operation, body, headers },
      model: kind === "zoo" ? name : undefined,
      text: `request ${id}`,
      compare,
    };
  }
  const names = recordings.map(({ name }) => name).join(", ");
  throw refuse("bisect.request-unknown", {
    id,
    where:
      names === "" ? "nothing of the stack is recorded; give a request with --data" : `these are recorded: ${names}`,
  });
}
