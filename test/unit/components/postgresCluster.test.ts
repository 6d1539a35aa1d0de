import { expect, it } from "vitest";
import { PostgresCluster } from "../../../components/postgresCluster.ts";
import { partsOf } from "../../support/playedEngine.ts";

const args = {
  name: "menagerie",
  namespace: "menagerie-database",
  version: 17,
  instances: 2,
  storage: "100Gi",
  adminUser: "menagerie_admin",
  password: "tulip",
};
const declared = (more: object = {}) => partsOf(() => new PostgresCluster("menagerie", { ...args, ...more }));

it("cluster and namespace, which hold the data, are protected unless the stack says otherwise", async () => {
  const [usual, other] = [await declared(), await declared({ protect: false })];
  for (const name of ["PostgresCluster menagerie", "Namespace menagerie-database"]) {
    expect([usual(name).options.protect, other(name).options.protect]).toEqual([true, undefined]);
  }
});

it("password and verifier are a secret of the state, and nowhere else", async () => {
  const made = await declared();
  const [secret = ""] = made.names.filter((name) => name.startsWith("Secret "));
  expect(made(secret).inputs.stringData).toEqual({
    secret: { password: args.password, verifier: expect.stringMatching(/^SCRAM-SHA-256\$4096:/) },
  });
  const others = made.names.filter((name) => name !== secret).map(made);
  expect(JSON.stringify(others)).not.toMatch(/tulip|SCRAM/);
});

it("it is waited for as long as a cluster takes that restores or resizes", async () => {
  expect((await declared())("PostgresCluster menagerie").options.customTimeouts).toEqual(["15m", "15m"]);
});
