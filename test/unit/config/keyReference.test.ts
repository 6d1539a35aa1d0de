import { describe, expect, it } from "vitest";
import * as z from "zod";
import { changeOf, keyChanges } from "../../../src/config/keyChanges.ts";
import { keyExamples } from "../../../src/config/keyExamples.ts";
import { exampleFor, partsOf } from "../../../tools/reference/config.ts";
import { type ConfigKey, configKeys } from "../../../tools/reference/configKeys.ts";

/** What docs/reference/config.md needs of each key of the schema. */

const keys = configKeys();
const paths = keys.map(({ path }) => path.join("."));
const isEntry = ({ path }: ConfigKey): boolean => /^(\*|\[\])$/.test(path.at(-1) ?? "");
const lacking = (lacks: (key: ConfigKey) => boolean): string[] => keys.filter(lacks).map(({ path }) => path.join("."));

describe("every config key", () => {
  it("is in the list once", () => {
    expect(paths.length).toBeGreaterThan(200);
    expect(paths.filter((path, at) => paths.indexOf(path) !== at)).toEqual([]);
  });

  it("has a description", () => expect(lacking((key) => partsOf(key).text === "")).toEqual([]));

  it("says what it is without it, unless it is required", () => {
    const silent = lacking((key) => !key.required && !isEntry(key) && partsOf(key).otherwise === "" && !isMapping(key));
    expect(silent.filter((path) => !withoutEffect.test(path))).toEqual([]);
  });

  it("says the default that the schema fills in", () => {
    const differs = keys.flatMap((key) => {
      const { default: filled } = key;
      if (!["string", "number", "boolean"].includes(typeof filled)) return [];
      const said = partsOf(key).otherwise.replaceAll("`", "");
      return said.startsWith(String(filled)) || (filled === "" && said === "empty")
        ? []
        : [`${key.path.join(".")}: ${said}`];
    });
    expect(differs).toEqual([]);
  });

  it("says what a change of it does (src/config/keyChanges.ts)", () => {
    expect(lacking(({ path }) => changeOf(path) === undefined)).toEqual([]);
  });

  it("has an example that the schema accepts (src/config/keyExamples.ts)", () => {
    const plain = keys.filter((key) => !key.as && !isEntry(key) && (key.kind === "value" || key.kind === "list"));
    expect(plain.filter((key) => exampleFor(key) === undefined).map(({ path }) => path.join("."))).toEqual([]);
    const refused = keys.filter((key) => {
      const example = exampleFor(key);
      return example !== undefined && !z.safeParse(key.schema, example).success;
    });
    expect(refused.map(({ path }) => path.join("."))).toEqual([]);
  });
});

const isMapping = ({ kind }: ConfigKey): boolean => kind === "mapping";
/** An earlier release followed it. */
const withoutEffect = /^services\.rateLimit\./;

describe("the tables beside the schema", () => {
  it("name changes of keys that exist", () => {
    expect(Object.keys(keyChanges).filter((path) => !paths.includes(path))).toEqual([]);
  });

  it("name examples of keys that exist", () => {
    const ends = (end: string): boolean => paths.some((path) => path === end || path.endsWith(`.${end}`));
    expect(Object.keys(keyExamples).filter((end) => !ends(end))).toEqual([]);
  });
});
