import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { listMigrations } from "../../../../src/adapters/postgres/zoo/migration/journal.ts";
import { readingTarget } from "../../../../src/adapters/postgres/zoo/migration/target.ts";
import { run } from "../../../../src/cli/program.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { useExistingCluster } from "../../../../src/local/target.ts";
import { apiServer } from "../../../support/apiServer.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** `menagerie status` of an environment whose cluster answers, with a real PostgreSQL. */

let postgres: TestPostgres;
let home: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  home = await mkdtemp(join(tmpdir(), "menagerie-home-"));
  vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
  vi.stubEnv("MENAGERIE_HOME", home);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await postgres.stop();
  await rm(home, { recursive: true });
});

async function menagerie(...argv: string[]): Promise<string> {
  const out: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void out.push(line));
  const code = await run(argv);
  log.mockRestore();
  expect(code).toBe(0);
  return out.join("\n");
}

it("tells which migration is held, with the command that lets it go on, for as long as it is", async () => {
  const config = await apiServer({ "/readyz": {} });
  const kubeconfig = join(home, "kubeconfig");
  await writeFile(kubeconfig, config.exportConfig());
  await useExistingCluster(environmentLayout("other", home), { kubeconfig, gatewayUrl: "http://127.0.0.1:1" });
  const register = (number: number) =>
    withClient(postgres.server, platformDatabase, (client) =>
      registerVersion(client, {
        model: "iris",
        organization: "admin",
        number,
        hash: `iris-${number}`,
        current: true,
        digest: `sha256:${"d".repeat(64)}`,
      }),
    );
  const old = await register(1);
  await withClient(postgres.server, platformDatabase, (client) =>
    createApp(client, { zooModel: "iris", owner: "ada@example.com" }),
  );
  const current = await register(2);
  await menagerie("rollout", "forward", "--id", old);
  const [{ id } = { id: "" }] = await readingTarget({ server: postgres.server }, listMigrations);
  const status = () => menagerie("status", "-e", "other");
  expect(await status()).not.toContain("on hold");

  await menagerie("rollout", "pause", "--id", id);
  expect((await status()).split("\n").slice(-2)).toEqual([
    "Migrations on hold:",
    `  iris: migration ${id}: forward, held by hand: nothing moves until \`menagerie rollout resume --id ${id} -e other\``,
  ]);
  expect(JSON.parse(await menagerie("status", "-e", "other", "--json"))).toMatchObject({
    held: [{ id, name: "iris", from: old, to: current, direction: "forward", held: true, target: null }],
  });

  await menagerie("rollout", "resume", "--id", id);
  expect(await status()).not.toContain("on hold");
});
