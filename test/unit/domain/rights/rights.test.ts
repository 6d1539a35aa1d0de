import { expect, it } from "vitest";
import { describeRights, inEachSequence, rightsOf, rightsWithout } from "../../../../src/domain/rights/rights.ts";

const described = {
  "all sequences": "SELECT, USAGE",
  database: "CONNECT",
  "function f(date, text)": "EXECUTE",
  schema: "USAGE",
  "table all sequences": "SELECT",
  "table model": "INSERT (name, organization_id), SELECT, UPDATE (name)",
  'table odd "name" of a table': "SELECT",
};

it("rights are the same after they were written and read", () => {
  expect(describeRights(rightsOf(described))).toEqual(described);
});

it("rights in columns are one right for each column", () => {
  expect(rightsOf({ "table a": "INSERT (x, y), SELECT" })).toEqual([
    { kind: "table", name: "a", privilege: "INSERT", column: "x" },
    { kind: "table", name: "a", privilege: "INSERT", column: "y" },
    { kind: "table", name: "a", privilege: "SELECT" },
  ]);
});

it("a right in all sequences is one in each that there is", () => {
  const rights = inEachSequence(rightsOf({ "all sequences": "USAGE", schema: "USAGE" }), ["s", "t"]);
  expect(describeRights(rights)).toEqual({ schema: "USAGE", "sequence s": "USAGE", "sequence t": "USAGE" });
  expect(describeRights(inEachSequence(rightsOf({ "all sequences": "USAGE" }), []))).toEqual({});
});

it("a right to give away is another right than the right itself", () => {
  const [right] = rightsOf({ schema: "USAGE" });
  const grantable = { ...right, grantable: true } as NonNullable<typeof right>;
  expect(rightsWithout([grantable], [right as typeof grantable])).toEqual([grantable]);
  expect(describeRights([grantable])).toEqual({ schema: "USAGE WITH GRANT OPTION" });
});

it("what is not an object is refused", () => {
  expect(() => rightsOf({ planet: "USAGE" })).toThrow('"planet" is not an object that rights are given in');
});
