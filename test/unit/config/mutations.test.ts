import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { keyPath } from "../../../src/config/sentences.ts";
import { OperatorError } from "../../../src/domain/errors.ts";

/** Every key and value of the committed stack files, each spoilt in several ways: every one of them must be told. */

type Path = readonly (string | number)[];

interface Mutation {
  readonly title: string;
  /** Where the sentence has to point. */
  readonly path: Path;
  readonly config: Record<string, unknown>;
}

const project = join(import.meta.dirname, "../../..");

/** Mappings whose keys are names that the writer chooses: a typo in one is another name. */
const chosenNames =
  /^(zoo|development|pools|shadows|shadows\.[^.]+\.shadows|.+\.env|nodeClass\.(subnet|securityGroup)Selector|mesh\.keyCheck\.gatewayPods)$/;
/** Values that may be any text, or any of many: a typo in one is another value. */
const closedValues = /(^|\.)(phase|pool|mode|effect|nodeClass|nodeClass\.kind)$/;

/** Numbers that need not be whole, and numbers that may be as large as their writer likes. */
const fractions = /\.(percent|maxMismatch|sample)$/;
const unbounded = /\.minPairs$/;

function read(stack: string): Record<string, unknown> {
  const { config } = load(readFileSync(join(project, `Pulumi.${stack}.yaml`), "utf8")) as { config: object };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^menagerie:/, ""), value]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy of `config` in which `change` was made to what `path` leads to the parent of. */
function changed(
  config: object,
  path: Path,
  change: (parent: Record<string | number, unknown>, key: string | number) => void,
) {
  const copy = structuredClone(config) as Record<string, unknown>;
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], copy);
  change(parent as Record<string | number, unknown>, path.at(-1) ?? "");
  return copy;
}

/** Slips of the finger: a letter lost, doubled, swapped with its neighbour, or in capitals. */
function typos(word: string): string[] {
  const middle = Math.floor(word.length / 2);
  const swapped = word.slice(0, middle - 1) + word[middle] + word[middle - 1] + word.slice(middle + 1);
  const all = [
    word.slice(0, middle) + word.slice(middle + 1),
    word.slice(0, middle) + word[middle] + word.slice(middle),
    swapped,
    `${word}s`,
    word.toUpperCase(),
  ];
  return [...new Set(all)].filter((typo) => typo !== word && typo !== "");
}

function* mutations(config: Record<string, unknown>, value: unknown = config, path: Path = []): Generator<Mutation> {
  const at = path.join(".");
  if (path.length > 0) {
    for (const wrong of [null, isMapping(value) || Array.isArray(value) ? 7 : { nested: 1 }, [[]]]) {
      const set = changed(config, path, (parent, key) => {
        parent[key] = wrong;
      });
      yield { title: `${at}: ${JSON.stringify(wrong)}`, path, config: set };
    }
  }
  if (typeof value === "string" && closedValues.test(at)) {
    for (const typo of typos(value)) {
      const set = changed(config, path, (parent, key) => {
        parent[key] = typo;
      });
      yield { title: `${at}: ${typo}`, path, config: set };
    }
  }
  if (typeof value === "number") {
    const wrongs = [
      -1,
      ...(fractions.test(at) ? [] : [value + 0.5]),
      String(value),
      ...(unbounded.test(at) ? [] : [1e9]),
    ];
    for (const wrong of wrongs) {
      const set = changed(config, path, (parent, key) => {
        parent[key] = wrong;
      });
      yield { title: `${at}: ${JSON.stringify(wrong)}`, path, config: set };
    }
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* mutations(config, item, [...path, index]);
  }
  if (!isMapping(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const own = [...path, key];
    if (!chosenNames.test(at)) {
      for (const typo of typos(key)) {
        const renamed = changed(config, own, (parent, name) => {
          parent[typo] = parent[name];
          delete parent[name];
        });
        yield { title: `${own.join(".")} written ${typo}`, path: [...path, typo], config: renamed };
      }
    }
    yield* mutations(config, inner, own);
  }
}

function told(config: unknown): string[] {
  try {
    parseEnvironment(config, { gatewayUrl: "http://127.0.0.1:8080" });
    return [];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message.split("\n");
  }
}

describe.each(["local", "staging", "prod"])("a slip anywhere in stack %s is told at its key", (stack) => {
  const all = [...mutations(read(stack))];

  it(`in all of ${all.length} ways tried`, () => {
    expect(all.length).toBeGreaterThan(100);
    const silent = all.filter(({ path, config }) => {
      // Of a list or a mapping, the part that is wrong may be told.
      const key = keyPath(path);
      return !told(config).some((sentence) => [": ", ".", "["].some((next) => sentence.startsWith(key + next)));
    });
    expect(silent.map(({ title, config }) => `${title} → ${told(config).join(" | ") || "nothing"}`)).toEqual([]);
  });

  it("in sentences that say what to change, without a word of the library", () => {
    for (const { config } of all) {
      for (const sentence of told(config)) {
        expect(sentence).toMatch(/^menagerie:\S+: .+[;,] .+/s);
        expect(sentence).not.toMatch(/Invalid input|expected string|undefined|\[object/i);
      }
    }
  });
});
