import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinAnswer } from "../../../../../src/domain/protocols/joinAnswer.ts";
import type { OperationName } from "../../../../../src/domain/protocols/operation.ts";
import { operationNamed } from "../../../../../src/domain/protocols/operations.ts";
import {
  chatChunks,
  completionChunks,
  cutBytes,
  cutText,
  dataOf,
  eventBytes,
  interleave,
} from "../../../../support/cutStreams.ts";
import { chatAnswers, completionAnswers, messageAnswers, responseAnswers } from "../../../../support/randomAnswers.ts";

type Draw = fc.GeneratorValue;
type Fields = Record<string, unknown>;
type Event = { event?: string; data: string };

function joined(name: OperationName, events: readonly Event[], draw: Draw, isBodyWhole = true) {
  return joinAnswer(operationNamed(name), cutBytes(eventBytes(events, draw), draw), isBodyWhole);
}

/** As the protocol names its events: by `type` in the data, and by `event`, which some servers leave out. */
function typed(events: readonly Fields[], draw: Draw): Event[] {
  const named = draw(fc.boolean);
  return events.map((data) => ({ ...(named && { event: String(data.type) }), data: dataOf(data, draw) }));
}

/** A run takes some 20 ms, nearly all of it for making an answer up. */
const runs = { numRuns: 40 };

describe("an answer that is cut into a stream joins to the same answer", () => {
  it.each([
    ["chat", chatAnswers, chatChunks],
    ["completions", completionAnswers, completionChunks],
  ] as const)("%s", (name, answers, chunksOf) => {
    fc.assert(
      fc.property(answers, fc.gen(), (answer, draw) => {
        const events = chunksOf(answer, draw).map((chunk) => ({ data: dataOf(chunk, draw) }));
        const isDone = draw(fc.boolean);
        const result = joined(name, isDone ? [...events, { data: "[DONE]" }] : events, draw);
        expect(result?.answer).toEqual(answer);
        expect(result?.isWhole).toBe(true);
        const usage = answer.usage as { prompt_tokens: number; completion_tokens: number } | undefined;
        expect(result?.tokens).toEqual(
          usage ? { prompt: usage.prompt_tokens, completion: usage.completion_tokens } : null,
        );
      }),
      runs,
    );
  });

  it("responses, and from their parts where the stream breaks off before its end", () => {
    fc.assert(
      fc.property(responseAnswers, fc.gen(), (answer, draw) => {
        const { output, usage, ...begun } = answer;
        const items = output.map((item, output_index) => responseItem(item, output_index, draw));
        const created = { type: "response.created", response: { ...begun, status: "in_progress", output: [] } };
        const parts = [created, ...interleave(items, draw), { type: "response.thing_of_next_year", value: 1 }];
        const end = { type: `response.${answer.status}`, response: answer };
        const whole = joined("responses", typed([...parts, end], draw), draw);
        expect(whole).toMatchObject({
          answer,
          isWhole: true,
          tokens: { prompt: usage.input_tokens, completion: usage.output_tokens },
        });
        const broken = joined("responses", typed(parts, draw), draw);
        expect(broken?.answer).toEqual({ ...begun, status: "in_progress", output });
        expect(broken).toMatchObject({ isWhole: false, tokens: null });
      }),
      runs,
    );
  });

  it("messages", () => {
    fc.assert(
      fc.property(messageAnswers, fc.gen(), (given, draw) => {
        const answer = JSON.parse(JSON.stringify(given)) as typeof given;
        const { content, stop_reason, stop_sequence, usage, ...begun } = answer;
        const blocks = content.map((block, index) => messageBlock(block, index, draw));
        const events = [
          {
            type: "message_start",
            message: {
              ...begun,
              content: [],
              stop_reason: null,
              stop_sequence: null,
              usage: { ...usage, output_tokens: 1 },
            },
          },
          { type: "ping" },
          ...(draw(fc.boolean) ? blocks.flat() : interleave(blocks, draw)),
          {
            type: "message_delta",
            delta: { stop_reason, stop_sequence },
            usage: { output_tokens: usage.output_tokens },
          },
          { type: "message_stop" },
        ];
        const result = joined("messages", typed(events, draw), draw);
        expect(result?.answer).toEqual(answer);
        expect(result).toMatchObject({
          isWhole: true,
          tokens: { prompt: usage.input_tokens, completion: usage.output_tokens },
        });
      }),
      runs,
    );
  });

  it("and nothing that breaks off anywhere is whole, or throws", () => {
    fc.assert(
      fc.property(chatAnswers, fc.gen(), (answer, draw) => {
        const events = chatChunks(answer, draw).map((chunk) => ({ data: dataOf(chunk, draw) }));
        const bytes = eventBytes(events, draw);
        const broken = bytes.subarray(0, draw(fc.integer, { min: 12, max: bytes.length }));
        for (const name of ["chat", "completions", "responses", "messages"] as const) {
          const result = joinAnswer(operationNamed(name), cutBytes(broken, draw), false);
          expect(result?.isWhole).toBe(false);
        }
      }),
      runs,
    );
  });
});

function responseItem(item: Fields, output_index: number, draw: Draw): Fields[] {
  const at = { output_index, item_id: item.id };
  if (item.type === "function_call") {
    return [
      { type: "response.output_item.added", ...at, item: { ...item, arguments: "" } },
      ...cutText(item.arguments as string, draw).map((delta) => ({
        type: "response.function_call_arguments.delta",
        ...at,
        delta,
      })),
      ...(draw(fc.boolean) ? [{ type: "response.output_item.done", ...at, item }] : []),
    ];
  }
  const list = item.type === "message" ? "content" : "summary";
  const parts = (item[list] as Fields[]).flatMap((part, index) => {
    const place = { ...at, [list === "content" ? "content_index" : "summary_index"]: index };
    const field = part.type === "refusal" ? "refusal" : "text";
    const what = { output_text: "output_text", refusal: "refusal", summary_text: "reasoning_summary_text" }[
      String(part.type)
    ];
    const added = list === "content" ? "response.content_part.added" : "response.reasoning_summary_part.added";
    return [
      { type: added, ...place, part: { ...part, [field]: "" } },
      ...cutText(part[field] as string, draw).map((delta) => ({ type: `response.${what}.delta`, ...place, delta })),
      ...(draw(fc.boolean) ? [{ type: `response.${what}.done`, ...place, [field]: part[field] }] : []),
    ];
  });
  return [{ type: "response.output_item.added", ...at, item: { ...item, [list]: [] } }, ...parts];
}

function messageBlock(block: Fields, index: number, draw: Draw): Fields[] {
  const delta = (fields: Fields) => ({ type: "content_block_delta", index, delta: fields });
  const stop = { type: "content_block_stop", index };
  if (block.type === "tool_use") {
    const text = Object.keys(block.input as object).length > 0 ? JSON.stringify(block.input) : "";
    const parts = cutText(text, draw).map((partial_json) => delta({ type: "input_json_delta", partial_json }));
    return [{ type: "content_block_start", index, content_block: { ...block, input: {} } }, ...parts, stop];
  }
  if (block.type === "thinking") {
    const parts = cutText(block.thinking as string, draw).map((thinking) =>
      delta({ type: "thinking_delta", thinking }),
    );
    const start = {
      type: "content_block_start",
      index,
      content_block: { type: "thinking", thinking: "", signature: "" },
    };
    return [start, ...parts, delta({ type: "signature_delta", signature: block.signature }), stop];
  }
  const parts = cutText(block.text as string, draw).map((text) => delta({ type: "text_delta", text }));
  return [{ type: "content_block_start", index, content_block: { type: "text", text: "" } }, ...parts, stop];
}
