import { describe, expect, it } from "vitest";
import { PlatformDatabase } from "../../../components/platformDatabase.ts";
import { emptyPlatform, environmentOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const platform = { ...emptyPlatform, schemaVersion: "0002" };
const declared = (more: object = {}) =>
  partsOf(() => new PlatformDatabase("platform", { environment: environmentOf({}, { platform }), ...more }));

describe("the platform's database", () => {
  it("is protected unless the stack says otherwise, and dropped with its tables once that is agreed to", async () => {
    const [usual, local] = [await declared(), await declared({ protect: false })];
    for (const name of ["Database menagerie", "Schema menagerie"]) {
      expect(usual(name).options).toMatchObject({ protect: true });
      expect(local(name).options).not.toHaveProperty("protect");
    }
    expect(usual("Schema menagerie").inputs).toMatchObject({ dropCascade: true });
  });

  it("gets its tables by a url that is a secret of the state, and no input of the component", async () => {
    const made = await declared();
    const url = "postgresql://postgres:lily@db:5432/postgres?sslmode=disable";
    expect(made("PlatformSchema platform").inputs).toMatchObject({ database: { secret: url } });
    expect(made("PlatformDatabase platform").inputs).toEqual({ version: "0002" });
  });

  it("has a password for each role that logs in, and none for the others", async () => {
    const made = await declared();
    const roles = made.names.filter((name) => name.startsWith("Role "));
    for (const { inputs } of roles.map(made)) {
      expect(Object.hasOwn(inputs, "password")).toBe(inputs.login);
      expect(Object.keys((inputs.password ?? { secret: "" }) as object)).toEqual(["secret"]);
    }
    expect(roles.filter((name) => made(name).inputs.login).length).toBe(5);
  });

  it("gives every role its rights in its tables, and can drop the roles once those are gone", async () => {
    const made = await declared();
    const roles = made.names.filter((name) => name.startsWith("Role "));
    expect(roles.length).toBe(10);
    for (const name of ["PlatformSchema platform", "Database menagerie"]) {
      expect(made(name).options.dependsOn).toEqual(expect.arrayContaining(roles));
    }
    expect(made.names.filter((name) => name.startsWith("Grant "))).toEqual([]);
  });
});
