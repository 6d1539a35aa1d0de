import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStateFiles } from "../../../src/adapters/files/stateFiles.ts";
import { urlOf } from "../../../src/adapters/postgres/server.ts";
import { declaredHash } from "../../../src/domain/release/stateSchema.ts";
import type { ReleaseStateInputs } from "../../../src/resources/releaseState.handler.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** The handlers of a release's state, as the engine calls them, on a real PostgreSQL. */

let postgres: TestPostgres;
let host: DynamicHost;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  host = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });
});

afterAll(async () => {
  await host.stop();
  await postgres.stop();
});

describe("releaseState and releaseRetention", () => {
  let folder: string;
  let inputs: ReleaseStateInputs;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "menagerie-state-"));
    await writeFile(join(folder, "tables.sql"), "CREATE TABLE note (id bigint PRIMARY KEY)");
    const tables = [{ name: "note", seed: "copy", from: null }] as const;
    const declared = declaredHash(await readStateFiles(folder));
    inputs = { tag: "v1", schema: "v1", seedFrom: null, folder, declared, tables, parallel: 2, current: true };
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("make a release's tables, and the same again when they are made again", async () => {
    expect(await host.check("releaseState", inputs)).toEqual([]);
    const made = await host.create("releaseState", inputs);
    expect(made).toEqual({ id: "v1", outs: { ...inputs, seededRows: { note: 0 } } });
    expect(await host.create("releaseState", inputs)).toEqual(made);
    expect(await host.read("releaseState", "v1", made.outs)).toBe("v1");
  });

  it("need the files no more once they are made", async () => {
    const kept = { ...inputs, folder: "gone", current: false };
    expect((await host.diff("releaseState", inputs, kept)).replaces).toEqual([]);
    expect(await host.update("releaseState", inputs, kept)).toEqual({ ...kept, seededRows: { note: 0 } });
  });

  it("refuse files that changed since the program read them", async () => {
    const other = { ...inputs, tag: "v2", schema: "v2", declared: "0".repeat(64) };
    await expect(host.create("releaseState", other)).rejects.toThrow(
      /the files of .* changed while they were deployed/,
    );
  });

  it("fail a preview for a tag that is none", async () => {
    expect(await host.check("releaseState", { ...inputs, tag: "a b" })).toMatchObject([{ property: "tag" }]);
    expect(await host.check("releaseState", { ...inputs, tag: "public" })).toMatchObject([{ property: "tag" }]);
  });

  it("drop a state only when it was given up", async () => {
    const later = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });
    await later.delete("releaseState", "v1", inputs);
    expect(await later.read("releaseState", "v1", inputs)).toBe("v1");
    await later.create("releaseRetention", { environment: "test", keep: [], retire: ["v1"], dumpTo: null });
    // What a run made is never deleted by the same run: it is what replaced the one that the engine deletes.
    await host.delete("releaseState", "v1", inputs);
    expect(await later.read("releaseState", "v1", inputs)).toBe("v1");
    await later.delete("releaseState", "v1", inputs);
    expect(await later.read("releaseState", "v1", inputs)).toBe("");
    await later.stop();
  });
});
