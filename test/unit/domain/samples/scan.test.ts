import { expect, it } from "vitest";
import { placesText, SampleScan, type Scanned, totalOf } from "../../../../src/domain/samples/scan.ts";

const token = `ghp_${"aB3dE5gH".repeat(5)}`;
const plain: Scanned = { path: "/v1/chat/completions", headers: {}, request: { json: {} }, answer: undefined };

function scanned(more: Partial<Scanned>): SampleScan {
  const scan = new SampleScan();
  scan.add({ ...plain, ...more });
  return scan;
}

it.each<[string, Partial<Scanned>, string]>([
  [
    "a token in a text",
    { request: { json: { messages: [{ content: `use ${token} please` }] } } },
    "request messages[*].content (1)",
  ],
  [
    "a value that its name says to be a password",
    { request: { json: { password: "hunter2" } } },
    "request password (1)",
  ],
  [
    "the same in JSON inside of a text",
    { answer: { json: { arguments: '{"password": "hunter2"}' } } },
    "answer arguments.password (1)",
  ],
  ["an address with user and password", { answer: { text: "see https://ada:secret@example.com/x" } }, "answer (1)"],
  ["a parameter of the path", { path: "/v1/x?api_key=aB3dE5gHaB3dE5gH1" }, "path (1)"],
  ["a header", { headers: { "x-session-token": "aB3dE5gHaB3dE5gH1" } }, "header x-session-token (1)"],
])("keys: %s", (_, more, places) => {
  expect(placesText(scanned(more).keys)).toBe(places);
});

it("addresses of people are told apart from keys, and a key of a mapping that is a value is not told", () => {
  const scan = scanned({ request: { json: { "ada@example.com": "bob@example.com", note: "x" } } });
  expect(placesText(scan.addresses)).toBe("request (1), request […] (1)");
  expect(totalOf(scan.keys)).toBe(0);
});

it("pseudonyms, placeholders and what users usually send are neither", () => {
  const json = { password: `redacted:${"0af1".repeat(6)}`, token: "…", max_tokens: 12, values: ["5.1", "setosa"] };
  const { keys, addresses } = scanned({ request: { json } });
  expect([keys.size, addresses.size]).toEqual([0, 0]);
});
