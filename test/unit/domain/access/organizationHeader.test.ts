import { expect, it } from "vitest";
import { organizationTold } from "../../../../src/domain/access/organizationHeader.ts";

it.each([
  ["1", "1"],
  ["123456789012345678", "123456789012345678"],
  ["0", null],
  ["01", null],
  ["1 ", null],
  ["1, 2", null],
  ["acme", null],
  ["1234567890123456789", null],
  ["", null],
  [["1", "2"], null],
  [undefined, null],
])("a request that is told to be of %j is of %j", (told, organization) => {
  expect(organizationTold(told)).toBe(organization);
});
