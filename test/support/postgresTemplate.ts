import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCluster, templateVariable } from "./postgres.ts";

/** Makes one PostgreSQL data folder for a run of the tests, which every file's own server begins from. */
export default async function setup(): Promise<() => Promise<void>> {
  // Several projects of the run ask for it.
  if (process.env[templateVariable]) return async () => {};
  const folder = await mkdtemp(join(tmpdir(), "menagerie-postgres-template-"));
  const data = join(folder, "data");
  await makeCluster(folder, data);
  process.env[templateVariable] = data;
  return () => rm(folder, { recursive: true, force: true });
}
