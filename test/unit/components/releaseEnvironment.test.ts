import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { ReleaseEnvironment } from "../../../components/releaseEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("each login has a Secret of its own, and the ConfigMap no password", async () => {
  const login = (name: string) => ({ name, password: pulumi.secret(`tulip-of-${name}`) });
  const made = await partsOf(
    () =>
      new ReleaseEnvironment("v1.2.3", {
        tag: "v1.2.3",
        namespace: "models",
        values: { VERSION: "v1.2.3" },
        logins: { service: login("service_v1"), pipeline: login("pipeline_v1") },
        databaseUrl: (user, password) => `postgresql://${user}:${password}@db/menagerie`,
      }),
  );
  const secrets = made.names.filter((name) => name.startsWith("Secret "));
  expect(secrets.map((name) => made(name).inputs.stringData)).toEqual(
    ["pipeline_v1", "service_v1"].map((user) => ({
      secret: {
        PGUSER: user,
        PGPASSWORD: `tulip-of-${user}`,
        DATABASE_URL: `postgresql://${user}:tulip-of-${user}@db/menagerie`,
      },
    })),
  );
  const others = made.names.filter((name) => !secrets.includes(name)).map(made);
  expect(JSON.stringify(others)).not.toContain("tulip");
});
