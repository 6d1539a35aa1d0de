import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkAllowedNamespaces } from "../../../src/plan/allowedNamespaces.ts";

const spec = (...allowFrom: string[]) =>
  parseEnvironment({ networkPolicies: { allowFrom } }, { gatewayUrl: "http://gateway" });

describe("a namespace that network policies let in", () => {
  it("is told where the cluster does not have it, or was not asked", async () => {
    const reader = {
      namespaceExists: async (name: string) => {
        if (name === "hidden") throw new Error("forbidden");
        return name === "monitoring";
      },
    };
    expect(await checkAllowedNamespaces(spec("monitoring", "monitorin", "hidden"), reader)).toEqual([
      'menagerie:networkPolicies.allowFrom[1]: the cluster has no namespace "monitorin", so nobody is let in from there; correct it, or make the namespace',
      'menagerie:networkPolicies.allowFrom[2]: not checked whether the cluster has the namespace "hidden": forbidden',
    ]);
  });

  it("is asked about only where one is named", async () => {
    const reader = { namespaceExists: () => Promise.reject(new Error("asked")) };
    expect(await checkAllowedNamespaces(spec(), reader)).toEqual([]);
  });
});
