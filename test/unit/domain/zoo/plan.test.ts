import { describe, expect, it } from "vitest";
import { describePlan, planVersion, type RegisteredVersion, versionedName } from "../../../../src/domain/zoo/plan.ts";
import { type LastOutputs, planPlatform } from "../../../../src/plan/platform.ts";

const version = (number: number, change: Partial<RegisteredVersion> = {}): RegisteredVersion => ({
  id: `id-${number}`,
  number,
  hash: `hash-${number}`,
  isCurrent: false,
  apps: 0,
  ...change,
});

describe("a content's version", () => {
  it("is the one it is registered as, else the highest plus one, whatever gaps there are", () => {
    expect(planVersion("new", []).number).toBe(1);
    expect(planVersion("new", [version(1), version(7)]).number).toBe(8);
    expect(planVersion("hash-1", [version(1), version(7)])).toMatchObject({ number: 1, versionId: "id-1" });
  });

  it("names the InferenceService", () => expect(versionedName("llama_3", 12)).toBe("llama-3-v12"));
  it("does not show in the name of a copy, which is served in one place", () =>
    expect(versionedName("llama_3_copy", 12)).toBe("llama-3-copy"));
});

describe("a plan without its database", () => {
  const spec = {
    nodeClass: "local" as const,
    database: { host: "127.0.0.1", port: 1, adminUser: "postgres", sslMode: "disable" as const },
    previewDatabase: "required" as "required" | "optional",
    zoo: { iris: { truss: "models/iris" } } as never,
  };
  const url = "postgresql://postgres:hunter2@127.0.0.1:1/postgres?sslmode=disable";
  const rollouts = { iris: { hash: "hash-1", version: 4, versionId: "id-4" } };
  const after: LastOutputs = { schemaVersion: "0002", rollouts };
  const plan = (
    outputs: LastOutputs,
    change: Partial<typeof spec> = {},
    preview = true,
    from: string | undefined = url,
  ) =>
    planPlatform(
      { ...spec, ...change },
      {
        url: from,
        password: undefined,
        preview,
        lastOutputs: async () => outputs,
      },
    );

  it("is that of a new database where the stack has not made it yet, also in an `up`", async () => {
    for (const preview of [true, false]) {
      const made = await plan({}, {}, preview);
      expect(made?.basis).toBe("new database");
      expect(made?.registry.versions.size).toBe(0);
    }
  });

  it("fails when the stack has made it, unless a preview may do without", async () => {
    await expect(plan(after)).rejects.toThrow(
      /cannot connect \(ECONNREFUSED\).*; or set menagerie:previewDatabase to optional, to preview without it/,
    );
    await expect(plan(after, { previewDatabase: "optional" }, false)).rejects.toThrow(/ECONNREFUSED/);
    const made = await plan(after, { previewDatabase: "optional" });
    const registered = made?.registry.versions.get("iris") ?? [];
    expect(made && describePlan(planVersion("hash-2", registered), made.basis)).toBe(
      "version 5 as of the last up: the database was not checked",
    );
  });

  it("needs a password for an `up`, and says how to set it", async () => {
    const missing = planPlatform(spec, {
      url: undefined,
      password: undefined,
      preview: false,
      lastOutputs: async () => ({}),
    });
    await expect(missing).rejects.toThrow(
      "menagerie:databasePassword: missing; run `pulumi config set --secret menagerie:databasePassword`, or set MENAGERIE_DATABASE_URL",
    );
  });

  it("is none for a stack without a database", async () => {
    expect(await plan({}, { database: undefined } as never)).toBeUndefined();
  });

  const inShell = (
    change: object,
    { outputs = after, ...options }: { outputs?: LastOutputs; url?: string; address?: string; mayBeginAnew?: boolean },
  ) =>
    planPlatform(
      { ...spec, ...change },
      { url: undefined, password: undefined, preview: true, lastOutputs: async () => outputs, ...options },
    );
  const none = { database: undefined } as never;

  it("is refused in a shell that lacks what the last `up` was told by variables, with their names", async () => {
    await expect(inShell(none, {})).rejects.toThrow(
      "MENAGERIE_DATABASE_URL is not set, which says where this stack's database is; set MENAGERIE_DATABASE_URL and MENAGERIE_DATABASE_ADDRESS (host:port, as pods reach it), as for the last `up`, or run through `menagerie`",
    );
    await expect(inShell(none, { url })).rejects.toThrow("MENAGERIE_DATABASE_ADDRESS is not set");
    for (const outputs of [after, {}]) {
      await expect(inShell({}, { outputs, address: "127.0.0.1:1" })).rejects.toThrow(
        "MENAGERIE_DATABASE_URL is not set",
      );
    }
  });

  it("asks for no variable where the config says where the database is, and may give it up by another one", async () => {
    expect((await inShell({}, { outputs: {}, address: "127.0.0.1:2" }))?.basis).toBe("new database");
    expect(await inShell({ database: undefined, nodeClass: "kwok" as never }, {})).toBeUndefined();
    expect(await inShell(none, { mayBeginAnew: true })).toBeUndefined();
  });
});
