import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { AdminSecrets } from "../../../components/adminSecrets.ts";
import { registered } from "../../../components/registeredInputs.ts";
import { keyOf } from "../../support/declaredOptions.ts";
import { declaredBy, playEngine } from "../../support/playedEngine.ts";
import { graphOf } from "../../support/stackGraph.ts";
import { withState } from "../../support/stateGraph.ts";

beforeAll(() => playEngine());

class Environment {
  readonly namespace = "models";
}

describe("a component registers", () => {
  it("what is known and plain, at any depth", () => {
    const args = { truss: "models/iris", replicas: { min: 1 }, zones: ["a", "b"], takeover: false, from: null };
    expect(registered(args)).toEqual(args);
  });

  it("no Output, resource, function, object that was read, or undefined", () => {
    const output = pulumi.output("x");
    const resource = new pulumi.ComponentResource("test:Component", "registers");
    const args = { output, resource, urlFor: () => "", environment: new Environment(), idleMinutes: undefined };
    const inside = { output, list: [output, resource] };
    expect(registered({ ...args, inside, map: new Map(), env: {}, zones: [] })).toEqual({ env: {}, zones: [] });
  });

  it.each([
    ["by its name", { password: "tulip" }],
    ["in a variable", { env: { HF_TOKEN: "tulip" } }],
    ["in an address", { url: "postgresql://menagerie:tulip@db:5432/menagerie" }],
    ["by what it looks like", { note: "ghp_0123456789abcdefghijklmnopqrstuvwxyz" }],
  ])("no credential %s", (_what, args) => {
    expect(JSON.stringify(registered(args))).not.toMatch(/tulip|ghp_/);
  });
});

describe("every component of the project", () => {
  const secret = (of: string) => `canary-${of}`;
  const project = join(import.meta.dirname, "../../..");
  const types = globSync("components/*.ts", { cwd: project }).flatMap((file) => {
    const source = readFileSync(join(project, file), "utf8");
    return [...source.matchAll(/super\(\s*"(menagerie:[^"]+)"/g)].map(([, type = ""]) => type);
  });
  const found = new Map<string, unknown[]>();

  beforeAll(async () => {
    const facts = {
      secrets: pulumi.secret<Readonly<Record<string, string>>>({ hf_token: secret("of-a-model") }),
      builds: { url: "http://build", token: secret("of-builds") },
      buildFolders: { store: "/store", cache: "/cache" },
    };
    const gateway = { name: "istio-ingress/models", url: "https://models.example.com", hosts: ["models.example.com"] };
    const sources = { password: secret("of-the-database"), facts };
    const args = { namespace: "models", name: "admin-secrets", values: facts.secrets };
    const { declared } = await declaredBy(() => new AdminSecrets("admin-secrets", args));
    for (const { resources } of [
      { resources: Object.fromEntries(declared.map((each) => [keyOf(each), each.inputs])) },
      await graphOf("local", { ...sources, ...withState }),
      await graphOf("staging", sources),
      await graphOf("staging", {
        ...sources,
        config: {
          serving: { mode: "Knative" },
          zoo: { multiplier: { truss: "models/multiplier", phase: "version", pool: "t4" } },
          gateway: { ...gateway, api: "gateway-api" },
        },
      }),
      await graphOf("prod", sources),
    ]) {
      for (const [key, inputs] of Object.entries(resources)) {
        const [type = ""] = key.split(" ");
        found.set(type, [...(found.get(type) ?? []), inputs]);
      }
    }
  });

  it.each(types)("%s registers inputs, and no secret among them", (type) => {
    const declared = found.get(type) ?? [];
    expect(declared.length).toBeGreaterThan(0);
    expect(declared.every((inputs) => Object.keys(inputs as object).length > 0)).toBe(true);
    expect(JSON.stringify(declared)).not.toMatch(/canary-|<password/);
  });

  it("is in a stack whose secrets are somewhere, encrypted", () => {
    expect(JSON.stringify([...found.values()])).toMatch(/canary-of-the-database/);
    expect(types.length).toBeGreaterThan(20);
  });
});
