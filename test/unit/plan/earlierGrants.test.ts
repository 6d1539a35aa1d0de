import { expect, it } from "vitest";
import { earlierGrants } from "../../../src/plan/earlierGrants.ts";

const side = (schema: string) => ({ schema });
const last = {
  schemaVersion: "0043_sealed-addresses",
  states: { v1: { schema: "v1", current: true } as never },
  shadows: { next: { primary: side("next_primary"), shadows: { big: side("next_big") }, noise: side("next_noise") } },
};

it("a stack whose rights were SQL at its last `up` has none, and neither has a new one", () => {
  expect(earlierGrants({ ...last, rights: "sql" }, "0043_sealed-addresses")).toBeUndefined();
  expect(earlierGrants({}, undefined)).toBeUndefined();
});

it("a stack of an earlier version has those of its platform, and of the schemas that it declared", () => {
  const schemas = new Set(["v1", "next_primary", "next_big", "next_noise"]);
  for (const rights of [undefined, null]) {
    // Also once the tables are of this version: the `up` that made them did not come to its end.
    for (const stored of ["0043_sealed-addresses", "0050_rights-in-files", undefined]) {
      expect(earlierGrants({ ...last, ...(rights === undefined ? {} : { rights }) }, stored)).toEqual({ schemas });
    }
  }
});

it("a first `up` that failed left none, unless the tables are of an earlier version", () => {
  expect(earlierGrants({}, "0050_rights-in-files")).toBeUndefined();
  expect(earlierGrants({}, "0043_sealed-addresses")).toEqual({ schemas: undefined });
});
