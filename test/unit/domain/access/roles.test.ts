import { expect, it } from "vitest";
import { allows, describeViewer, keyRoles, roleRights } from "../../../../src/domain/access/roles.ts";

it("each role allows what the one before it does, and more", () => {
  const allowed = keyRoles.map((role) => roleRights.filter((right) => allows(role, right)));
  expect(allowed).toEqual([["see"], ["see", "bodies"], ["see", "bodies", "operate"]]);
});

it("a viewer is told by role and reach", () => {
  expect(describeViewer({ role: "viewer", organization: null })).toBe("viewer of the environment");
  expect(describeViewer({ role: "operator", organization: { id: "1", name: "acme" } })).toBe("operator of acme");
});
