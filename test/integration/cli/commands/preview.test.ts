import { afterAll, beforeAll, expect, it } from "vitest";
import { makeOwnStack, type OwnStack } from "../../../support/ownStack.ts";

/** `menagerie preview` of a stack without a database, by the real engine and program. */

/** Thirty, in no order. */
const models = Array.from({ length: 30 }, (_, index) => `m${String(1 + ((index * 7) % 30)).padStart(2, "0")}`);
const zoo = models.map((name) => `    ${name}: { truss: models/iris, phase: done }`).join("\n");
let own: OwnStack;

beforeAll(async () => {
  own = await makeOwnStack("previewed", `config:\n  menagerie:nodeClass: local\n  menagerie:zoo:\n${zoo}`);
}, 1_800_000);

afterAll(() => own.dispose());

it("lists what changes by name, each resource once, and answers the same as JSON", async () => {
  const { code, stdout, said } = await own.menagerie("preview", "-s", "previewed");
  expect(code, said).toBe(0);
  const heads = stdout.split("\n").filter((line) => /^\w+ \(ModelZooEntry\)$/.test(line));
  expect(heads).toEqual([...models].sort().map((name) => `${name} (ModelZooEntry)`));
  for (const name of models) expect(stdout).toMatch(new RegExp(`^ {2}create InferenceService ${name}$`, "m"));
  // A line for each resource, and one for each component.
  expect(stdout.split("\n").length).toBeLessThan(10 * models.length);
  const json = await own.menagerie("preview", "-s", "previewed", "--json");
  const digest = JSON.parse(json.stdout) as { stack: string; changed: { name: string }[]; removals: unknown[] };
  expect(digest).toMatchObject({ stack: "previewed", removals: [], agreed: null });
  expect(digest.changed.map(({ name }) => name)).toEqual(expect.arrayContaining(models));
});
