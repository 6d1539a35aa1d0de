import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { jsonTextOf } from "../../../../src/domain/redaction/jsonText.ts";
import { Pseudonyms } from "../../../../src/domain/redaction/pseudonyms.ts";
import { Redactor } from "../../../../src/domain/redaction/redactor.ts";
import type { RedactionRules } from "../../../../src/domain/redaction/rules.ts";
import { readExactJson } from "../../../../src/domain/shadow/exactJson.ts";

const pseudonyms = new Pseudonyms((text) => createHmac("sha256", "key").update(text).digest());
const p = (text: string): string => pseudonyms.ofText(text);
const redactor = (...rules: RedactionRules): Redactor => new Redactor(rules, pseudonyms);

function read(text: string): unknown {
  const found = readExactJson(text);
  if (!("value" in found)) throw new Error("not JSON");
  return found.value;
}

describe("a path", () => {
  it("redacts what is there and below, and nothing else", () => {
    const body = {
      messages: [
        { role: "user", content: "hi" },
        { role: "user", content: [{ text: "you" }] },
      ],
      n: 1,
    };
    expect(redactor({ path: "messages[*].content" }).json(body)).toEqual({
      messages: [
        { role: "user", content: p("hi") },
        { role: "user", content: [{ text: p("you") }] },
      ],
      n: 1,
    });
  });

  it("does not hide another that leads through the same list", () => {
    const both = redactor({ path: "a[0].x" }, { path: "a[*].y" });
    expect(
      both.json({
        a: [
          { x: "1", y: "2" },
          { x: "3", y: "4" },
        ],
      }),
    ).toEqual({
      a: [
        { x: p("1"), y: p("2") },
        { x: "3", y: p("4") },
      ],
    });
  });

  it("leads on into JSON that a text holds", () => {
    const call = { function: { arguments: '{"to": "bob", "n": 1}' } };
    expect(redactor({ path: "function.arguments.to" }).json(call)).toEqual({
      function: { arguments: `{"to":"${p("bob")}","n":1}` },
    });
  });

  it("of $ redacts all", () => {
    expect(redactor({ path: "$" }).json(["a", { b: "c" }])).toEqual([p("a"), { b: p("c") }]);
  });
});

describe("a pattern", () => {
  const rules = [{ pattern: "C-[0-9]+" }, { kind: "email" }] as const;

  it("redacts parts of texts, keys and whole numbers, wherever they stand", () => {
    const body = { "C-1": [`C-2 or C-3 of a@b.org`, 4] };
    expect(redactor(...rules).json(body)).toEqual({ [p("C-1")]: [`${p("C-2")} or ${p("C-3")} of ${p("a@b.org")}`, 4] });
    expect(redactor({ pattern: "[0-9]{4}" }).json([1234, 12345])).toEqual([pseudonyms.ofNumber(1234), 12345]);
  });

  it("redacts what JSON in a text escapes", () => {
    expect(redactor(...rules).text('{"m": "a\\u0040b.org"}')).toBe(`{"m":"${p("a@b.org")}"}`);
    // As it stands where nothing is found.
    expect(redactor(...rules).text('{ "m":  1 }')).toBe('{ "m":  1 }');
  });

  it("that overlaps another makes one value", () => {
    expect(redactor({ pattern: "abc" }, { pattern: "cde" }).text("xabcdex")).toBe(`x${p("abcde")}x`);
  });
});

describe("a url", () => {
  it("loses what rules name, in path and query, however it is encoded", () => {
    const rules = redactor({ query: "user id" }, { kind: "email" });
    expect(rules.url("/v1/models/model:predict?a=1&user+id=bob&m=x%20a%40b.org")).toBe(
      `/v1/models/model:predict?a=1&user+id=${p("bob")}&m=x%20${p("a@b.org")}`,
    );
    expect(rules.url("/users/a%40b.org/x")).toBe(`/users/${p("a@b.org")}/x`);
    expect(rules.url("/x?m=a%40b.org%FF&a%40b.org")).toBe(`/x?m=${p("a%40b.org%FF")}&${p("a@b.org")}`);
  });
});

it("headers lose what rules name", () => {
  const headers = JSON.stringify({ "x-tenant": ["t1", "t2"], "user-agent": "a@b.org/1", accept: "*/*" });
  expect(JSON.parse(redactor({ header: "x-tenant" }, { kind: "email" }).headers(headers))).toEqual({
    "x-tenant": [p("t1"), p("t2")],
    "user-agent": `${p("a@b.org")}/1`,
    accept: "*/*",
  });
});

it("what is not redacted is written as it was", () => {
  const text = '{"a":[1e400,0.1,12345678901234567890,NaN,-Infinity,"é\\n",null,true],"__proto__":{}}';
  expect(jsonTextOf(redactor({ path: "b" }).json(read(text)))).toBe(text);
});
