import fc from "fast-check";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqlState, withClient } from "../../../../../src/adapters/postgres/server.ts";
import { isJsonbText } from "../../../../../src/domain/recording/jsonbText.ts";
import { readExactJson, readJsonbText } from "../../../../../src/domain/shadow/exactJson.ts";
import { canonical } from "../../../../../src/domain/shadow/unordered.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** What is told to be fit for jsonb, a real PostgreSQL takes. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(() => postgres.stop());

async function isTaken(client: Client, text: string): Promise<boolean> {
  try {
    await client.query("SELECT $1::jsonb", [text]);
    return true;
  } catch (error) {
    // Data exceptions, and limits such as nesting.
    expect(["22", "54"]).toContain(sqlState(error)?.slice(0, 2));
    return false;
  }
}

/** JSON with pieces in it that tend to be refused. */
const nearlyJson = fc.oneof(
  fc.json(),
  fc
    .array(
      fc.constantFrom(
        ...['"', "\\", "\\u0000", "\\ud83d", "\\ude00", "\\u00e4", "\\\\u0000", "\\n", "ü", "😀", "x"],
        ...["[", "]", "{", "}", ",", ":", "1", "-0.5", "1e400", "1E-12345", "9e99999", "null", " ", "\t", "\u0001"],
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join("")),
  fc
    .array(fc.constantFrom("\\u0000", "\\ud83d", "\\ude00", "\\u00e4", "\\\\", "u0000", "\\n", "ü", "x"), {
      maxLength: 8,
    })
    .map((pieces) => `{"${pieces.join("")}": ["${pieces.toReversed().join("")}"]}`),
);

/** Mappings in which a key may come twice, of numbers that doubles round. */
const withKeysAndNumbers = fc
  .array(
    fc.tuple(
      fc.constantFrom("a", "b", "\\u0061", "__proto__", "a:b"),
      fc.constantFrom("9007199254740993", "1e400", "1.00", "-0.0", "1e-320", "{}", '{"a": 1}', "[1, 1]", '":"'),
    ),
    { maxLength: 4 },
  )
  .map((entries) => `{${entries.map(([key, value]) => `"${key}": ${value}`).join(", ")}}`);

describe("text that is told to be fit for jsonb", () => {
  it("is taken by PostgreSQL", async () => {
    await withClient(postgres.server, "postgres", (client) =>
      fc.assert(
        fc.asyncProperty(nearlyJson, async (text) => {
          if (isJsonbText(Buffer.from(text))) expect(await isTaken(client, text)).toBe(true);
        }),
        { numRuns: 1_500 },
      ),
    );
  });

  it("comes back as what it said, digit for digit and key for key", async () => {
    await withClient(postgres.server, "postgres", (client) =>
      fc.assert(
        fc.asyncProperty(fc.oneof(nearlyJson, withKeysAndNumbers), async (text) => {
          if (!isJsonbText(Buffer.from(text))) return;
          const { rows } = await client.query<{ text: string }>("SELECT $1::jsonb::text AS text", [text]);
          const [sent, kept] = [readExactJson(text), readJsonbText(rows[0]?.text ?? "")];
          expect(canonical("value" in kept && kept.value)).toBe(canonical("value" in sent && sent.value));
        }),
        { numRuns: 1_500 },
      ),
    );
  });

  it.each([
    ['{"a": 1, "a": 2}', false],
    ['[{"a": {"b": 1}, "b": ":"}]', true],
    ['[{"a": 1, "\\u0061": 2}]', false],
    [`[${"1e999,".repeat(20_000)}1]`, false],
    [`[${"1e300,".repeat(20_000)}1]`, true],
    ["{}", true],
    [' {"a": [1, -2.5e10, "\\ud83d\\ude00", "\\\\u0000", null, true]} ', true],
    ['"\\ud83dx"', false],
    ['"\\ude00"', false],
    ['"a\\u0000b"', false],
    ["[1,]", false],
    ["", false],
    ["\ufeff{}", false],
    [`${"[".repeat(900)}${"]".repeat(900)}`, true],
    [`${"[".repeat(9_000)}${"]".repeat(9_000)}`, false],
    ["1e99999999", false],
  ])("%j: %j", async (text, fit) => {
    expect(isJsonbText(Buffer.from(text))).toBe(fit);
    if (fit)
      await withClient(postgres.server, "postgres", async (client) => expect(await isTaken(client, text)).toBe(true));
  });

  it("is UTF-8", () => {
    expect(isJsonbText(Buffer.from([0x22, 0xff, 0x22]))).toBe(false);
    // A surrogate in UTF-8.
    expect(isJsonbText(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe(false);
  });
});
