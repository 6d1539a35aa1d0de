import { afterAll, beforeAll, expect, it } from "vitest";
import { makeOwnStack, type OwnStack } from "../../../support/ownStack.ts";

/** `menagerie preview` of a stack without a database, by the real engine and program. */

const models = ["wine", "iris", "barley"];
const zoo = models.map((name) => `    ${name}: { truss: models/iris, phase: done }`).join("\n");
let own: OwnStack;

beforeAll(async () => {
  own = await makeOwnStack("previewed", `config:\n  menagerie:nodeClass: local\n  menagerie:zoo:\n${zoo}`);
}, 1_800_000);

afterAll(() => own.dispose());

it("lists what changes by name, each resource once, and answers the same as JSON", { timeout: 300_000 }, async () => {
  const { code, stdout, said } = await own.menagerie("preview", "-s", "previewed");
  expect(code, said).toBe(0);
  const heads = stdout.split("\n").filter((line) => /^\w+ \(ModelZooEntry\)$/.test(line));
  expect(heads).toEqual(["barley", "iris", "wine"].map((name) => `${name} (ModelZooEntry)`));
  expect(stdout).toMatch(/^ {2}create InferenceService iris/m);
  const json = await own.menagerie("preview", "-s", "previewed", "--json");
  const digest = JSON.parse(json.stdout) as { stack: string; changed: { name: string }[]; removals: unknown[] };
  expect(digest).toMatchObject({ stack: "previewed", removals: [], agreed: null });
  expect(digest.changed.map(({ name }) => name)).toEqual(expect.arrayContaining(["barley", "iris", "wine"]));
});
