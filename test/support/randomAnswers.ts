import * as fc from "fast-check";

/** Answers as models give them unstreamed, with everything that the specifications let them say. */
const text = fc.string({ unit: "grapheme", maxLength: 30 });
const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
const count = fc.integer({ min: 0, max: 5_000 });
const json = fc.json({ maxDepth: 2 });

const call = fc.record({ name: fc.string({ minLength: 1, maxLength: 12 }), arguments: json });
const token = fc.record({
  token: fc.oneof(words, fc.constant("index")),
  logprob: fc
    .double({ max: 0, noNaN: true, noDefaultInfinity: true })
    .map((value) => (Object.is(value, -0) ? 0 : value)),
  bytes: fc.option(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 })),
  top_logprobs: fc.array(fc.record({ token: words, logprob: fc.constant(-1.5) }), { maxLength: 2 }),
});
const message = fc.record(
  {
    role: fc.constant("assistant"),
    content: fc.option(text),
    refusal: fc.option(text),
    reasoning_content: text,
    tool_calls: fc.array(fc.record({ id: fc.uuid(), type: fc.constant("function"), function: call }), {
      minLength: 1,
      maxLength: 3,
    }),
    function_call: call,
  },
  { requiredKeys: ["role", "content"] },
);
const usage = fc.record({ prompt_tokens: count, completion_tokens: count, total_tokens: count });
const head = {
  id: fc.uuid(),
  created: fc.integer({ min: 1_700_000_000, max: 1_900_000_000 }),
  model: fc.constant("m"),
  system_fingerprint: fc.option(fc.constant("fp_1")),
};

export const chatAnswers = fc
  .record(
    {
      ...head,
      object: fc.constant("chat.completion"),
      choices: fc.array(
        fc.record({
          message,
          logprobs: fc.option(
            fc.record({ content: fc.option(fc.array(token, { maxLength: 4 })), refusal: fc.constant(null) }),
          ),
          finish_reason: fc.constantFrom("stop", "length", "tool_calls", "content_filter"),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      usage,
    },
    { requiredKeys: ["id", "created", "model", "object", "choices"] },
  )
  .map(numbered);

export const completionAnswers = fc
  .record(
    {
      ...head,
      object: fc.constant("text_completion"),
      choices: fc.array(
        fc.record({
          text,
          logprobs: fc.option(
            fc.record({
              tokens: fc.array(words, { maxLength: 4 }),
              token_logprobs: fc.array(fc.constant(-0.25), { maxLength: 4 }),
              top_logprobs: fc.array(fc.constantFrom<object>({ index: 0 }, { a: -1, index: -2 }), { maxLength: 4 }),
              text_offset: fc.array(count, { maxLength: 4 }),
            }),
          ),
          finish_reason: fc.constantFrom("stop", "length"),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      usage,
    },
    { requiredKeys: ["id", "created", "model", "object", "choices"] },
  )
  .map(numbered);

export const responseAnswers = fc.record({
  id: fc.uuid(),
  object: fc.constant("response"),
  status: fc.constantFrom("completed", "incomplete"),
  model: fc.constant("m"),
  output: fc.array(
    fc.oneof(
      fc.record({
        type: fc.constant("message"),
        id: fc.uuid(),
        role: fc.constant("assistant"),
        content: fc.array(
          fc.oneof(
            fc.record({ type: fc.constant("output_text"), text: words }),
            fc.record({ type: fc.constant("refusal"), refusal: words }),
          ),
          { minLength: 1, maxLength: 3 },
        ),
      }),
      fc.record({
        type: fc.constant("reasoning"),
        id: fc.uuid(),
        summary: fc.array(fc.record({ type: fc.constant("summary_text"), text: words }), {
          minLength: 1,
          maxLength: 2,
        }),
      }),
      fc.record({
        type: fc.constant("function_call"),
        id: fc.uuid(),
        call_id: fc.uuid(),
        name: words,
        arguments: json,
      }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  usage: fc.record({ input_tokens: count, output_tokens: count, total_tokens: count }),
});

export const messageAnswers = fc.record({
  id: fc.uuid(),
  type: fc.constant("message"),
  role: fc.constant("assistant"),
  model: fc.constant("m"),
  content: fc.array(
    fc.oneof(
      fc.record({ type: fc.constant("text"), text }),
      fc.record({ type: fc.constant("thinking"), thinking: words, signature: words }),
      fc.record({
        type: fc.constant("tool_use"),
        id: fc.uuid(),
        name: words,
        input: fc.dictionary(words, fc.jsonValue({ maxDepth: 1 })),
      }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  stop_reason: fc.constantFrom("end_turn", "max_tokens", "tool_use", "stop_sequence"),
  stop_sequence: fc.option(words),
  usage: fc.record({ input_tokens: count, output_tokens: count }),
});

/** What JSON makes of it: no `undefined`, no `-0`. */
function numbered<Answer extends { readonly choices: readonly object[] }>(answer: Answer): Record<string, unknown> {
  const choices = answer.choices.map((choice, index) => ({ ...choice, index }));
  return JSON.parse(JSON.stringify({ ...answer, choices })) as Record<string, unknown>;
}
