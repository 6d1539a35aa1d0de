import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { latestEvidence } from "../../../../src/adapters/postgres/zoo/gateEvidence.ts";
import { recordProof } from "../../../../src/cli/prove/recordProof.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import type { ProofRepository } from "../../../support/proofRepository.ts";
import { changedRepository, provenHead } from "../../../support/provenRepository.ts";

/** `prove --record` on the platform's own tables, as the operator's role may use them. */

let postgres: TestPostgres;
let repository: ProofRepository;
let folder: string;
const before = process.env.MENAGERIE_DATABASE_URL;

beforeAll(async () => {
  [postgres, repository, folder] = await Promise.all([
    startPostgres(),
    changedRepository(),
    mkdtemp(join(tmpdir(), "menagerie-prove-record-")),
  ]);
  await makePlatformTables(postgres.server);
  process.env.MENAGERIE_DATABASE_URL = urlOf(postgres.server, platformDatabase);
});
afterAll(async () => {
  if (before === undefined) delete process.env.MENAGERIE_DATABASE_URL;
  else process.env.MENAGERIE_DATABASE_URL = before;
  await Promise.all([postgres?.stop(), repository?.dispose(), rm(folder, { recursive: true, force: true })]);
});

it("the evidence of a proof is the latest of its content and suite, with its numbers and nothing of any answer", async () => {
  const file = join(folder, "proof.json");
  await writeFile(file, JSON.stringify(await provenHead(repository)));
  const recorded = await recordProof(file, { stack: "local", environment: "local" }, repository.folder);
  expect(recorded).toEqual([
    { model: "iris", recorded: { passed: true, hash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    { model: "mine", recorded: { because: "only rollouts of zoo models ask for evidence" } },
  ]);
  const stored = await withClient(postgres.server, platformDatabase, (client) =>
    latestEvidence(client, ["iris", "mine"]),
  );
  expect(stored).toMatchObject([
    {
      model: "iris",
      kind: "proof",
      passed: true,
      evidence: { kind: "zoo", stack: "local", verdict: "equal", answers: { requests: 40, varying: 0 } },
    },
  ]);
});

it("a file that is refused stores nothing", async () => {
  const file = join(folder, "forged.json");
  const result = await provenHead(repository);
  const models = result.models.map((each) => ({ ...each, verdict: "within" }));
  await writeFile(file, JSON.stringify({ ...result, models }));
  const count = () =>
    withClient(postgres.server, platformDatabase, async (client) => {
      const { rows } = await client.query<{ count: string }>("SELECT count(*) FROM menagerie.gate_evidence");
      return rows[0]?.count;
    });
  const known = await count();
  const forged = recordProof(file, { stack: "local", environment: "local" }, repository.folder);
  await expect(forged).rejects.toThrow("its numbers say equal");
  expect(await count()).toBe(known);
});
