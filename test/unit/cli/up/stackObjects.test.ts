import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectsOfStack } from "../../../../src/cli/up/stackObjects.ts";

const { signal } = new AbortController();
let asked: string[];

beforeEach(() => {
  asked = [];
  vi.stubEnv("MENAGERIE_DATABASE_URL", "");
  vi.stubEnv("MENAGERIE_DATABASE_ADDRESS", "");
});
afterEach(() => vi.unstubAllEnvs());

/** Where the database of a stack with this config is looked for; the engine answers `config get` with what it decrypted. */
function databaseOf(
  config: Readonly<Record<string, unknown>>,
  answer = { code: 0, stdout: "pass word\n", stderr: "" },
) {
  const engine = {
    capture: async (args: readonly string[]) => {
      asked.push(args.join(" "));
      return answer;
    },
  };
  return objectsOfStack(engine, config, async () => []).database?.(signal);
}

const password = { "menagerie:databasePassword": { secure: "v1:abc" } };

describe("the database of a stack of the user's own", () => {
  it.each<[string, Readonly<Record<string, unknown>>, object]>([
    [
      "a server that its config names",
      { "menagerie:database": { host: "db.example.com", port: 5433 } },
      { host: "db.example.com", port: 5433, user: "postgres", sslMode: "verify-full" },
    ],
    [
      "the one that it makes in its cluster",
      { "menagerie:postgresCluster": { storage: "10Gi" } },
      { host: "menagerie-primary.menagerie-database.svc", user: "menagerie-admin", sslMode: "require" },
    ],
  ])("is %s, with the password that the engine decrypts", async (_, config, server) => {
    expect(await databaseOf({ ...config, ...password })).toMatchObject({ ...server, password: "pass word" });
    expect(asked).toEqual(["config get menagerie:databasePassword"]);
  });

  it("is that of MENAGERIE_DATABASE_URL where it is set, as for the program", async () => {
    vi.stubEnv("MENAGERIE_DATABASE_URL", "postgresql://me:secret@127.0.0.1:15432/postgres?sslmode=disable");
    expect(await databaseOf({ "menagerie:database": { host: "db.example.com" } })).toMatchObject({
      host: "127.0.0.1",
      port: 15432,
      user: "me",
      password: "secret",
      sslMode: "disable",
    });
    expect(asked).toEqual([]);
  });

  it.each([
    ["declares none", {}],
    ["is wrong about it, which the program says", { "menagerie:database": { hots: "db.example.com" } }],
  ])("is none where the config %s", async (_, config) => {
    expect(await databaseOf(config)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it("is not known where the password is not, with what to set", async () => {
    const missing = {
      code: 255,
      stdout: "",
      stderr: "error: configuration key 'menagerie:databasePassword' not found\n",
    };
    await expect(databaseOf({ "menagerie:database": { host: "db.example.com" } }, missing)).rejects.toThrow(
      "configuration key 'menagerie:databasePassword' not found; set MENAGERIE_DATABASE_URL",
    );
  });
});
