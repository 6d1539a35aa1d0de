import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureReleaseState } from "../../src/adapters/postgres/releaseState/ensure.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { breakAtEach } from "../support/brokenSeeding.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { stateOf } from "../support/releaseStates.ts";

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await ensureReleaseState(postgres.server, stateOf({ tag: "v1" }), { progress: silent });
  await withClient(postgres.server, platformDatabase, async (client) => {
    await client.query("INSERT INTO v1.item (name) SELECT 'item ' || i FROM generate_series(1, 5000) i");
    await client.query(
      "INSERT INTO v1.event (item_id, at) SELECT 1 + i % 5000, 'epoch' FROM generate_series(1, 5000) i",
    );
  });
});

afterAll(() => postgres.stop());

describe("seeding", () => {
  it("broken off at every one of its statements ends with exactly what the release before holds", async () => {
    expect(await breakAtEach(postgres.server, "v1", 1)).toBeGreaterThan(200);
  });
});
