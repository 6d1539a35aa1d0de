import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { ReleaseEnvironment } from "../../../components/releaseEnvironment.ts";
import type { ReleaseSchema } from "../../../components/releaseSchema.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const login = (name: string) => ({ name, password: pulumi.secret(`tulip-of-${name}`) });

it("each login has a Secret of its own, and the ConfigMap no password", async () => {
  const made = await partsOf(() => {
    const environment = environmentOnPlatform();
    const state = { tag: "v1.2.3", schema: "v1.2.3", current: true };
    const release = Object.assign(new OtherResource("ReleaseSchema", "v1.2.3"), {
      ...state,
      service: login("service_v1"),
      pipeline: login("pipeline_v1"),
    });
    const declared = new ReleaseEnvironment("v1.2.3", { environment, release: release as unknown as ReleaseSchema });
    expect(environment.parts.state).toMatchObject({ environment: declared.service, ready: [declared, release] });
    return declared;
  });
  const secrets = made.names.filter((name) => name.startsWith("Secret "));
  expect(secrets.map((name) => made(name).inputs.stringData)).toEqual(
    ["pipeline_v1", "service_v1"].map((user) => ({
      secret: {
        PGUSER: user,
        PGPASSWORD: `tulip-of-${user}`,
        DATABASE_URL: `postgresql://${user}:tulip-of-${user}@db:5432/menagerie?sslmode=disable`,
      },
    })),
  );
  expect(made("ConfigMap env-v1.2.3").inputs.data).toMatchObject({ VERSION: "v1.2.3", DATABASE_SCHEMA: "v1.2.3" });
  const others = made.names.filter((name) => !secrets.includes(name)).map(made);
  expect(JSON.stringify(others)).not.toContain("tulip");
});
