import { describe, expect, it } from "vitest";
import type { DatabaseInput } from "../../../src/providers/databaseInput.ts";
import { changesOf, type Due, type OnChanges } from "../../../src/providers/handler.ts";
import { delegateOf } from "../../../src/providers/registry.ts";

interface Inputs extends DatabaseInput, Due {
  readonly model: string;
  readonly apps?: { readonly from: string } | undefined;
}

const declared: OnChanges<Inputs> = { model: "replace", apps: "update", database: "ignore" };
const state = { model: "iris", apps: { from: "1" }, database: "postgresql://old", versionId: "7" };

describe("a changed input", () => {
  it.each<[string, object, boolean, string[]]>([
    ["nothing, whatever the state has besides", {}, false, []],
    ["an equal value that is another object", { apps: { from: "1" } }, false, []],
    ["one that is kept with the next change", { database: "postgresql://new" }, false, []],
    ["one that is changed in place", { apps: { from: "2" } }, true, []],
    ["one that is left out", { apps: undefined }, true, []],
    ["one that makes another resource", { model: "tulip", apps: undefined }, true, ["model"]],
    ["the input of one run", { due: true }, false, []],
  ])("%s", (_what, change, isChanged, replaces) => {
    const { versionId, ...inputs } = state;
    expect(changesOf(declared, state, { ...inputs, ...change })).toEqual({ isChanged, replaces });
  });

  it("of a state that an older version wrote is one that was not there", () => {
    const { apps, ...old } = state;
    expect(changesOf(declared, old, state).isChanged).toBe(true);
  });
});

it("an input that nobody decided about does not compile", () => {
  // @ts-expect-error apps, which may be left out of the inputs, may not be left out here.
  const forgotten: OnChanges<Inputs> = { model: "replace", database: "ignore" };
  // @ts-expect-error neither may there be one that is not an input.
  const invented: OnChanges<Inputs> = { ...declared, name: "update" };
  expect([Object.keys(forgotten), Object.keys(invented)]).toHaveLength(2);
});

describe("a kind that says nothing of", () => {
  const evidence = { model: "iris", hash: "h", evidenceId: "1" };

  it("deletion leaves what it made", async () => {
    // Whatever it reached for is not there: no database, no cluster.
    await expect(delegateOf("smokeTest").delete?.("1", evidence)).resolves.toBeUndefined();
  });

  it("existence is there at a refresh", async () => {
    expect(await delegateOf("smokeTest").read?.("1", evidence)).toEqual({ id: "1", props: evidence });
  });

  it("checks takes its inputs as they are", async () => {
    expect(await delegateOf("smokeTest").check?.({}, evidence)).toEqual({ inputs: evidence, failures: [] });
  });
});

it("what is due runs, whatever the state says", async () => {
  const inputs = { model: "iris", hash: "h" };
  const diff = (news: object) => delegateOf("smokeTest").diff?.("1", { ...inputs, evidenceId: "1" }, news);
  expect(await diff(inputs)).toEqual({ changes: false, replaces: [] });
  expect(await diff({ ...inputs, due: true })).toEqual({ changes: true, replaces: [] });
});
