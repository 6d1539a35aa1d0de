import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { run as menagerie } from "../../../../src/cli/program.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { deploy, intentOf, run } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** `menagerie releases …` on a real PostgreSQL. */

let postgres: TestPostgres;
let home: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  home = await mkdtemp(join(tmpdir(), "menagerie-home-"));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await postgres.stop();
  await rm(home, { recursive: true });
});

it("lists attempts with those that came to no end, which the releases do not show", async () => {
  await withClient(postgres.server, platformDatabase, async (client) => {
    await deploy(client, "staging", { iris: 1 });
    await openDeployment(client, await intentOf(client, "staging", { iris: 2 }), run, async () => []);
  });
  vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
  vi.stubEnv("MENAGERIE_HOME", home);
  const said: string[] = [];
  const errors = vi.spyOn(console, "error").mockImplementation((line: string) => void said.push(line));
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  const codes = [
    await menagerie(["releases", "-s", "staging"]),
    await menagerie(["releases", "attempts", "-s", "staging"]),
  ];
  log.mockRestore();
  errors.mockRestore();
  expect(codes, said.join("\n")).toEqual([0, 0]);
  const [releases = "", attempts = ""] = said;
  expect(releases).not.toMatch(/\bopen\b/);
  const [, first = "", second = ""] = attempts.split("\n");
  expect(first).toMatch(/^\d+ +staging .* open /);
  expect(second).toMatch(/^\d+ +staging .* deployed /);
});
