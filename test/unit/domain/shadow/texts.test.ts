import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";
import { differencesOf } from "../../../../src/domain/shadow/difference.ts";
import { readExactJson } from "../../../../src/domain/shadow/exactJson.ts";
import { type ComparisonRules, compileRules } from "../../../../src/domain/shadow/rules.ts";
import { describeRules } from "../../../../src/domain/shadow/ruleText.ts";
import { numbersOf } from "../../../../src/domain/shadow/texts/numbers.ts";
import type { TextRule } from "../../../../src/domain/shadow/texts/rules.ts";

function differing(primary: unknown, shadow: unknown, rules: ComparisonRules = {}): string[] {
  return differencesOf(primary, shadow, compileRules(rules)).map(({ at, how }) => `${at} ${how}`);
}

const differ = (primary: string, shadow: string, rule: TextRule, rules: ComparisonRules = {}): boolean =>
  differing({ a: primary }, { a: shadow }, { ...rules, texts: { a: rule } }).length > 0;

describe("texts", () => {
  it.each<[string, TextRule, string, string, boolean]>([
    ["without spaces at the ends", { as: "normalized" }, " a  b\n\tc ", "a b c", false],
    ["by characters, whatever their form", { as: "normalized" }, "caf\u00e9", "cafe\u0301", false],
    ["by case", { as: "normalized" }, "Yes", "yes", true],
    ["whatever the case", { as: "normalized", ignoreCase: true }, "Straße ÉA", "straße éa", false],
    ["by punctuation", { as: "normalized" }, "Yes.", "Yes", true],
    ["exactly", { as: "exact" }, "a ", "a", true],
    ["with half a surrogate pair", { as: "normalized" }, "\ud800 a", "\ud800  a", false],
    ["from right to left", { as: "normalized" }, "שלום  עולם", "שלום עולם", false],
    ["of no words", { as: "normalized" }, "今日は。 ", "今日は。", false],
    ["numbers as they are without a tolerance", { as: "numbers" }, "about 3.0 m", "about 3.00  m", false],
    ["other numbers", { as: "numbers" }, "about 3.0 m", "about 3.1 m", true],
    ["numbers within", { as: "numbers", tolerance: { absolute: 0.2 } }, "about 3.0 m", "about 3.1 m", false],
    ["words between numbers", { as: "numbers", tolerance: { absolute: 9 } }, "3 cats", "4 dogs", true],
    ["numbers alone", { as: "numbers", ignoreWords: true }, "It is 42.", "42, I think", false],
    ["a number more", { as: "numbers", ignoreWords: true }, "42", "42 or 43", true],
    ["commas of thousands", { as: "numbers" }, "1,234,567.5", "1234567.50", false],
    ["minus signs", { as: "numbers" }, "at -3 °C", "at 3 °C", true],
    ["both kinds of minus", { as: "numbers" }, "at −3 °C", "at -3 °C", false],
    ["numbers beyond a double", { as: "numbers" }, "9007199254740993", "9007199254740992", true],
    ["names with digits", { as: "numbers", tolerance: { relative: 1 } }, "gpt4 3fa9", "gpt5 3fa8", true],
    ["units", { as: "numbers", tolerance: { absolute: 1 } }, "10ms", "11ms", false],
    ["bare JSON", { as: "json" }, '{"a": 1, "b": [2]}', '{"b":[2.0],"a":1}', false],
    ["fenced JSON", { as: "json" }, 'Sure:\n```json\n{"a": 1}\n```\nBye', '{"a":1}', false],
    ["JSON between words", { as: "json" }, 'The answer [1] is {"a": 1}, I think', '[1] says {"a": 2}', true],
    ["as much JSON", { as: "json" }, '{"a":1} and {"a":2}', '{"a":1} and', true],
    ["no JSON", { as: "json" }, "yes", "no", true],
    ["JSON on one side", { as: "json" }, '{"a": 1}', "I cannot", true],
    ["a key twice", { as: "json" }, '{"a": 1, "a": 2}', '{"a": 2}', true],
    ["what is in the shadow's", { as: "contains" }, "Paris", "The capital is  Paris.", false],
    ["what is not in the shadow's", { as: "contains" }, "The capital is Paris.", "Paris", true],
    ["nothing", { as: "contains" }, "", "Paris", true],
    ["phrases", { as: "contains", phrases: ["refund", "30 days"] }, "A refund.", "We give a refund", false],
    ["a phrase less", { as: "contains", phrases: ["refund"], ignoreCase: true }, "A Refund.", "No.", true],
    ["as long", { as: "length" }, "abc  d", "wxyz e", true],
    ["as long without what does not show", { as: "length" }, "ab  c ", "x yz", false],
    ["of other length", { as: "length" }, "ab c", "x yz.", true],
    ["about as long", { as: "length", tolerance: { relative: 0.2 } }, "ten signs.", "nine sign", false],
    ["of quite another length", { as: "length", tolerance: { relative: 0.2 } }, "ten signs.", "seven..", true],
    ["of characters outside of the first plane", { as: "length" }, "😀😀", "ab", false],
    ["none against one", { as: "length", tolerance: { absolute: 1 } }, "", "a", false],
  ])("are compared %s (%j)", (_, rule, primary, shadow, expected) => {
    expect(differ(primary, shadow, rule)).toBe(expected);
  });

  it("a rule holds below its path too, and a nearer one takes its place", () => {
    const rules: ComparisonRules = { texts: { $: { as: "normalized" }, "a.raw": { as: "exact" } } };
    expect(differing({ a: { text: "x ", raw: "x " } }, { a: { text: "x", raw: "x" } }, rules)).toEqual(["a.raw value"]);
  });

  it("JSON inside of a text follows the rules for its paths", () => {
    const rules: ComparisonRules = {
      texts: { "m.content": { as: "json" } },
      tolerances: { "m.content.score": { absolute: 0.1 } },
      ignore: ["m.content.at"],
    };
    const text = (score: number, at: number, label: string) => ({
      m: { content: JSON.stringify({ score, at, label }) },
    });
    expect(differing(text(0.5, 1, "a"), text(0.55, 2, "a"), rules)).toEqual([]);
    expect(differing(text(0.5, 1, "5"), text(0.9, 2, "5.0"), rules)).toEqual([
      ...["m.content.score value", "m.content.label value"],
    ]);
  });

  it("numbers follow the tolerance of their place where the rule has none", () => {
    expect(differ("9.9", "10", { as: "numbers" }, { tolerance: { relative: 0.02 } })).toBe(false);
    const found = differencesOf({ a: "10 m" }, { a: "20 m" }, compileRules({ texts: { a: { as: "numbers" } } }));
    expect(found).toMatchObject([{ at: "a", magnitude: 0.5 }]);
  });

  it("a rule for what is not text says so, and changes nothing", () => {
    const seen: string[] = [];
    const rules = compileRules({ texts: { "list[*].n": { as: "normalized" } } });
    const found = differencesOf({ list: [{ n: 1 }] }, { list: [{ n: 2 }] }, rules, (field) => seen.push(field));
    expect([found.length, seen]).toEqual([1, ["list[*].n"]]);
  });

  it("any text equals itself under any rule, and what numbers and words are made of is all of it", () => {
    const rule = fc.constantFrom<TextRule>(
      ...[
        { as: "normalized" } as const,
        { as: "numbers" } as const,
        { as: "json" } as const,
        { as: "contains" } as const,
        { as: "length" } as const,
      ],
    );
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.stringMatching(/^[\d.,eE -]{0,20}$/));
    fc.assert(
      fc.property(text, text, rule, (a, b, as) => {
        expect(differ(a, a, as)).toBe(false);
        const { numbers, words } = numbersOf(a + b);
        expect(words.length).toBe(numbers.length + 1);
      }),
    );
  });

  it("megabytes without a space, and brackets without an end, are compared in moments", () => {
    const before = process.cpuUsage();
    const hostile = ["[".repeat(500_000), "{".repeat(500_000), "9".repeat(500_000), `${"a".repeat(500_000)}1`];
    for (const text of [
      ...hostile,
      '{"a":'.repeat(100_000),
      "```\n".repeat(100_000),
      "~~~a".repeat(100_000),
      "1,234".repeat(100_000),
    ]) {
      for (const as of ["normalized", "numbers", "json", "contains", "length"] as const)
        differ(text, `${text} x`, { as });
    }
    // Processor time: a busy machine takes any time.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(8);
  });

  it("are described in one line", () => {
    const texts = {
      a: { as: "numbers", tolerance: { relative: 0.01 } },
      b: { as: "contains", phrases: ["x"] },
      c: { as: "length", tolerance: { relative: 0.5 } },
    } as const;
    expect(describeRules({ texts })).toBe('a as numbers within 1 %; b as contains of "x"; c as length within 50 %');
  });
});

describe("answers by their protocol", () => {
  const of = (name: Parameters<typeof operationNamed>[0], rules: ComparisonRules = {}) => {
    const compiled = compileRules(rules, operationNamed(name));
    return (primary: unknown, shadow: unknown) => differencesOf(primary, shadow, compiled).map(({ at }) => at);
  };
  const chat = (content: unknown, more: object = {}, of: object = {}) => ({
    id: "c1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content, ...more }, finish_reason: "stop" }],
    ...of,
  });

  it("ids, times and what tells of a server do not count, unless a rule names them", () => {
    const other = { id: "c2", created: 2, system_fingerprint: "fp" };
    expect(of("chat")(chat("hi"), chat("hi", {}, other))).toEqual([]);
    expect(of("chat", { texts: { id: { as: "exact" } } })(chat("hi"), chat("hi", {}, other))).toEqual(["id"]);
    expect(of("predict")({ id: 1 }, { id: 2 })).toEqual(["id"]);
  });

  it("a tool call's arguments compare as JSON, and its id is made up", () => {
    const call = (id: string, text: string) =>
      chat(null, { tool_calls: [{ id, type: "function", function: { name: "f", arguments: text } }] });
    expect(of("chat")(call("1", '{"city": "Bonn", "n": 1}'), call("2", '{"n":1,"city":"Bonn"}'))).toEqual([]);
    expect(of("chat")(call("1", '{"city":"Bonn"}'), call("1", '{"city":"Köln"}'))).toEqual([
      "choices[0].message.tool_calls[0].function.arguments.city",
    ]);
    expect(of("chat")(call("1", '{"city":'), call("1", '{"city": '))).toEqual([
      "choices[0].message.tool_calls[0].function.arguments",
    ]);
  });

  it("what a stream leaves out is what an answer in one piece has as nothing", () => {
    const usage = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
    const whole = chat("hi", { refusal: null, annotations: [], tool_calls: null }, { usage, service_tier: "default" });
    expect(of("chat")(chat("hi"), whole)).toEqual([]);
    expect(of("chat")(whole, chat("hi", {}, { usage: null }))).toEqual([]);
    expect(of("chat")(whole, chat("hi", {}, { usage: { ...usage, completion_tokens: 2 } }))).toEqual([
      "usage.completion_tokens",
    ]);
    expect(of("chat")(chat(null), chat(""))).toEqual([]);
    expect(of("chat")(chat("hi"), chat("hi", { refusal: "no" }))).toEqual(["choices[0].message.refusal"]);
  });

  it("an embedding is the same as floats and as base64 of their float32", () => {
    const floats = [0.1, -2.5, 0.0023064255];
    const base64 = Buffer.from(new Float32Array(floats).buffer).toString("base64");
    const answer = (embedding: unknown) => ({ object: "list", data: [{ index: 0, embedding }], model: "m" });
    const written = readExactJson("[0.1, -2.5, 0.00230642550000000012345]");
    const read = "value" in written ? written.value : undefined;
    expect(of("embeddings")(answer(read), answer(base64))).toEqual([]);
    expect(of("embeddings")(answer(base64), answer([0.1, -2.5, 0.003]))).toEqual(["data[0].embedding[2]"]);
    expect(of("embeddings")(answer(base64), answer([0.1]))).toEqual(["data[0].embedding[1]", "data[0].embedding[2]"]);
    expect(of("embeddings")(answer("no base64!"), answer([0.1]))).toEqual(["data[0].embedding"]);
    const near = of("embeddings", { tolerances: { "data[*].embedding": { absolute: 0.01 } } });
    expect(near(answer(base64), answer([0.1, -2.5, 0.003]))).toEqual([]);
  });
});
