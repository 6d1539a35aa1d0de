import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";
import { askedIn, type Conversation, saidIn } from "../../../../src/domain/shadow/conversation/conversation.ts";
import { wordDifference } from "../../../../src/domain/shadow/conversation/wordDifference.ts";
import { conversationsSection } from "../../../../src/domain/shadow/report/conversations.ts";

const changes = (primary: string, shadow: string): string =>
  wordDifference(primary, shadow)
    .map(({ of, text }) => (of === "both" ? text : of === "primary" ? `[-${text}-]` : `{+${text}+}`))
    .join("");

describe("words that differ", () => {
  it.each([
    ["The capital is Paris.", "The capital is Lyon.", "The capital is [-Paris-]{+Lyon+}."],
    ["a b c", "a c", "a [-b -]c"],
    // The space between two words that differ is marked with them.
    ["a b c d", "x y c d", "[-a b-]{+x y+} c d"],
    ["", "new", "{+new+}"],
    ["same", "same", "same"],
    ["価格は高いです", "価格は安いです", "価格は[-高い-]{+安い+}です"],
    ["שלום עולם טוב", "שלום עולם רע", "שלום עולם [-טוב-]{+רע+}"],
    ["👩‍👩‍👧 hi", "👩‍👩‍👦 hi", "[-👩‍👩‍👧-]{+👩‍👩‍👦+} hi"],
  ])("%j and %j", (primary, shadow, expected) => {
    expect(changes(primary, shadow)).toBe(expected);
  });

  it("make up both texts, whatever they are", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.array(fc.constantFrom("a", "b", " ", "\n", "日", "\ud800"), { maxLength: 60 }).map((each) => each.join("")),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        const all = wordDifference(a, b);
        const of = (side: string) =>
          all
            .filter((each) => each.of !== side)
            .map((each) => each.text)
            .join("");
        expect([of("shadow"), of("primary")]).toEqual([a, b]);
      }),
    );
  });

  it("are found in 100,000 of them, alike or with nothing in common, and in one without end", () => {
    const before = process.cpuUsage();
    const long = Array.from({ length: 100_000 }, (_, n) => `word${n % 977}`);
    const edited = long.map((word, n) => (n % 1_000 === 7 ? "other" : word));
    expect(wordDifference(long.join(" "), edited.join(" ")).filter(({ of }) => of === "shadow")).toHaveLength(100);
    const strange = Array.from({ length: 100_000 }, (_, n) => `mot${n % 983}`).join(" ");
    expect(wordDifference(long.join(" "), strange).length).toBeGreaterThan(1);
    expect(wordDifference("a".repeat(1_000_000), `${"a".repeat(1_000_000)}b`)).toHaveLength(2);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(20);
  });
});

describe("a conversation", () => {
  const chat = operationNamed("chat");

  it("is read from a request by its protocol", () => {
    const messages = [
      { role: "system", content: "Be short." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "x" } },
        ],
      },
      { role: "assistant", content: null, tool_calls: [{ function: { name: "look", arguments: '{"at":1}' } }] },
      { role: "tool", content: "a cat" },
    ];
    expect(askedIn(chat, { messages, model: "m" })).toEqual([
      { who: "system", text: "Be short." },
      { who: "user", text: "What is this?\n[image_url]" },
      { who: "assistant", text: 'look({"at":1})' },
      { who: "tool", text: "a cat" },
    ]);
    const system = [{ type: "text", text: "Be short." }];
    expect(askedIn(operationNamed("messages"), { messages: [{ role: "user", content: "Hi" }], system })).toEqual([
      { who: "system", text: "Be short." },
      { who: "user", text: "Hi" },
    ]);
    expect(askedIn(operationNamed("responses"), { input: "Hi", instructions: "Be short." })).toHaveLength(2);
    expect(askedIn(operationNamed("completions"), { prompt: ["a", "b"] })).toEqual([
      { who: "user", text: "a" },
      { who: "user", text: "b" },
    ]);
  });

  it.each([undefined, null, "text", [], { messages: 7 }, { messages: [7, null, {}] }, { messages: { role: "user" } }])(
    "of a request that is not a chat (%j) has what there is",
    (request) => {
      for (const { text } of askedIn(chat, request)) expect(typeof text).toBe("string");
    },
  );

  it("is what a model said: words of every choice, and the arguments of its calls", () => {
    const call = { function: { name: "f", arguments: '{"a":1}' } };
    const answer = { choices: [{ message: { content: "one" } }, { message: { content: null, tool_calls: [call] } }] };
    expect(saidIn(chat, answer)).toEqual([
      { who: "choices[0].message.content", text: "one" },
      { who: "choices[1].message.tool_calls[0].function.arguments", text: '{"a":1}' },
    ]);
    expect(saidIn(chat, { choices: "?" })).toEqual([]);
  });
});

describe("the page's conversations", () => {
  const place = "choices[0].message.content";
  const shown = (primary: string, shadow: string, more: Partial<Conversation> = {}): string =>
    conversationsSection([
      {
        requestId: "r1",
        at: 0,
        isSampled: false,
        asked: [{ who: "user", text: "Hi <b>" }],
        primary: { turns: [{ who: place, text: primary }] },
        shadow: { turns: [{ who: place, text: shadow }] },
        ...more,
      },
    ])?.markup ?? "";

  it("mark what differs on each side, not by colour alone", () => {
    const page = shown("The capital is Paris.", "The capital is Lyon.");
    expect(page).toContain("The capital is <del>Paris</del>.");
    expect(page).toContain("The capital is <ins>Lyon</ins>.");
    expect(page).toContain("Hi &#60;b&#62;");
  });

  it("show hostile texts as text: markup, characters that turn others around, and halves of them", () => {
    const page = shown("<script>alert(1)</script>", '"><img src=x onerror=1>\u202eevil\u0000\ud800', {
      requestId: "<svg/onload=1>",
      asked: [{ who: "<i>", text: "</div></details>" }],
    });
    expect(page).not.toMatch(/<(script|img|svg|i)\b/);
    expect(page.match(/<\/details>/g)).toHaveLength(1);
    expect(page).toContain("⟦U+202E⟧");
    expect(page).toContain("⟦U+0000⟧");
    expect(page.isWellFormed()).toBe(true);
  });

  it("fold what is long, and cut what no browser would show", () => {
    const same = "word ".repeat(40_000);
    const page = shown(`${same}a`, `${same}b`);
    expect(page).toMatch(/<summary>199,\d{3} characters alike<\/summary>/);
    const huge = shown("a ".repeat(5_000_000), "b");
    expect(huge.length).toBeLessThan(2_000_000);
    expect(huge).toContain("9,800,000 more characters");
    const turns = Array.from({ length: 100 }, (_, n) => ({ who: "user", text: `turn ${n}` }));
    const many = shown("a", "b", { asked: turns });
    expect(many).toContain("60 earlier turns are left out");
    expect(many).toContain("turn 99");
  });

  it("say why a side has no words", () => {
    expect(shown("a", "", { shadow: { turns: [], note: "HTTP 500" } })).toContain("shadow: HTTP 500");
    expect(conversationsSection([])).toBeUndefined();
  });
});
