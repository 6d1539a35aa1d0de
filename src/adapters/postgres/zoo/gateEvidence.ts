import type { ClientBase } from "pg";
import type { Evidence, StoredEvidence } from "../../../domain/zoo/registry.ts";
import { digestOf } from "../../../domain/zoo/smoke.ts";

/** Stores evidence and answers its id and hash. Evidence is never changed: the latest of a kind and suite counts. */
export async function recordEvidence(
  client: ClientBase,
  { model, hash, kind, suite, passed, evidence }: Evidence,
): Promise<{ id: string; evidenceHash: string }> {
  const evidenceHash = digestOf(evidence);
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO menagerie.gate_evidence (model, truss_hash, kind, suite, passed, evidence, evidence_hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
    [model, hash, kind, suite, passed, JSON.stringify(evidence), evidenceHash],
  );
  return { id: rows[0]?.id ?? "", evidenceHash };
}

/** The latest evidence of each content, kind and suite of the models. */
export async function latestEvidence(client: ClientBase, models: readonly string[]): Promise<StoredEvidence[]> {
  const { rows } = await client.query<StoredEvidence>(
    `SELECT DISTINCT ON (model, truss_hash, kind, suite)
            id, model, truss_hash AS hash, kind, suite, passed, evidence, evidence_hash AS "evidenceHash", created_at AS at
       FROM menagerie.gate_evidence WHERE model = ANY ($1) ORDER BY model, truss_hash, kind, suite, id DESC`,
    [models],
  );
  return rows;
}
