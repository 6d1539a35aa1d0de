import type { ClientBase, Pool } from "pg";
import type { ShownReload } from "../../domain/development/history.ts";
import {
  type AppendResult,
  append,
  defaultLimits,
  isSameChain,
  type NewPatch,
  type PatchChain,
  type PatchLimits,
  type StoredPatch,
} from "../../domain/patch/chain.ts";
import type { PatchStore, SyncRecord, SyncState } from "../../domain/patch/ports.ts";
import { keepRecent } from "../../domain/recentlyUsed.ts";
import type { TrussSignature } from "../../domain/truss/signature.ts";
import type { AddressSeal } from "./addressSeal.ts";
import { refuse } from "./refusals.ts";
import { inPooledTransaction } from "./transaction.ts";

interface Row {
  generation: number;
  base_hash: string;
  made: string;
  revision: string | null;
  record: SyncRecord | null;
  patches: {
    seq: number;
    prevHash: string;
    nextHash: string;
    ops: StoredPatch["ops"];
    requirements: readonly string[] | null;
  }[];
}

/** A chain as it was last read. Patches never change, so only newer ones are read again. */
interface Known {
  /** Of the generation's row: tells a generation from one of the same number in a database that was restored. */
  readonly made: string;
  readonly chain: PatchChain;
}

/** The head of a version's chain, with what the next patch is computed against. */
export interface SignedHead {
  readonly generation: number;
  readonly seq: number;
  readonly hash: string;
  readonly signature: TrussSignature;
}

/** A store that keeps the head's signature too, changed in the same transaction as the head. */
export interface SignedPatchStore extends PatchStore {
  /** Undefined when the version was never deployed. */
  readHead(versionId: string): Promise<SignedHead | undefined>;
  /** Check-and-set on the head, in one statement. Undefined when the version was never deployed. */
  appendSigned(versionId: string, patch: NewPatch, signature: TrussSignature): Promise<AppendResult | undefined>;
  /** Starts a generation, unless the current one starts at this hash and has no patches. Answers its number. */
  ensureGeneration(versionId: string, baseHash: string, signature: TrussSignature): Promise<number>;
  /** Notes how the latest patch with this position and hash came to answer; of several notes the first stays. */
  recordReload(
    versionId: string,
    patch: { readonly seq: number; readonly hash: string },
    reload: ShownReload,
  ): Promise<void>;
}

/** Of chains whose patches nobody computes against a signature. */
const unsigned: TrussSignature = { content_hashes_by_path: {}, config: "", requirements_file_requirements: [] };
/** Chains that are kept in memory; the version that was read longest ago goes first. */
const keptChains = 64;

/**
 * Keeps patch chains and sync records in PostgreSQL; any number of processes may use the same tables. Credentials of addresses are
 * stored sealed.
 */
export function createPatchStore(pool: Pool, seal: AddressSeal, limits: PatchLimits = defaultLimits): SignedPatchStore {
  const known = new Map<string, Known>();
  const read = (client: ClientBase | Pool, versionId: string) => readState(client, seal, known, versionId);
  const appendSigned = async (versionId: string, patch: NewPatch, signature: TrussSignature) => {
    let lost: PatchChain | undefined;
    for (;;) {
      const chain = (await read(pool, versionId))?.chain;
      if (!chain) return undefined;
      const result = append(chain, patch, limits);
      if (!("stored" in result) || result.repeated) return result;
      if (lost && isSameChain(lost, chain)) {
        throw refuse("patch.chain-broken", { versionId });
      }
      if (await insertPatch(pool, versionId, chain.generation, seal.seal({ patch: result.stored, signature })))
        return result;
      lost = chain;
    }
  };
  const locked = <T>(versionId: string, work: (client: ClientBase) => Promise<T>) => lockVersion(pool, versionId, work);
  return {
    read: (versionId) => read(pool, versionId),
    append: async (versionId, patch) => {
      const result = await appendSigned(versionId, patch, unsigned);
      if (result) return result;
      throw refuse("patch.nothing-to-patch", { versionId });
    },
    appendSigned,
    startGeneration: (versionId, baseHash) =>
      locked(versionId, (client) => beginGeneration(client, versionId, baseHash, unsigned)),
    ensureGeneration: (versionId, baseHash, signature) =>
      locked(versionId, async (client) => {
        // Patches are stored by whoever changes this row first.
        await client.query("SELECT FROM menagerie.truss_head WHERE model_version_id = $1 FOR UPDATE", [versionId]);
        const chain = (await read(client, versionId))?.chain;
        const isSame = chain?.baseHash === baseHash && chain.patches.length === 0;
        const sealed = seal.seal(signature);
        if (!isSame) return beginGeneration(client, versionId, baseHash, sealed);
        await writeHead(client, versionId, { generation: chain.generation, seq: 0, hash: baseHash, signature: sealed });
        return chain.generation;
      }),
    readHead: async (versionId) => {
      const { rows } = await pool.query<SignedHead>(
        "SELECT generation, seq, hash, signature FROM menagerie.truss_head WHERE model_version_id = $1",
        [versionId],
      );
      return rows[0] && seal.open(rows[0]);
    },
    recordReload: async (versionId, { seq, hash }, { isHot, tookMs, applyMs }) => {
      await pool.query(
        `INSERT INTO menagerie.truss_reload (model_version_id, generation, seq, is_hot, took_ms, apply_ms)
         SELECT model_version_id, generation, seq, $4, $5, $6 FROM menagerie.truss_patch
          WHERE model_version_id = $1 AND seq = $2 AND next_hash = $3 ORDER BY generation DESC LIMIT 1
         ON CONFLICT DO NOTHING`,
        [versionId, seq, hash, isHot, tookMs, applyMs],
      );
    },
    writeRecord: async (versionId, record, revision) => {
      const { rowCount } = await (revision === 0
        ? pool.query(
            `INSERT INTO menagerie.truss_sync (model_version_id, revision, record) VALUES ($1, 1, $2)
             ON CONFLICT (model_version_id) DO NOTHING`,
            [versionId, record],
          )
        : pool.query(
            `UPDATE menagerie.truss_sync SET revision = revision + 1, record = $2
              WHERE model_version_id = $1 AND revision = $3`,
            [versionId, record, revision],
          ));
      return rowCount === 1;
    },
  };
}

/** One statement, so that chain and record are of one moment. */
async function readState(
  client: ClientBase | Pool,
  seal: AddressSeal,
  known: Map<string, Known>,
  versionId: string,
): Promise<SyncState | undefined> {
  const before = known.get(versionId);
  const { rows } = await client.query<Row>(
    `SELECT g.generation, g.base_hash, g.created_at::text AS made, s.revision, s.record,
            (SELECT coalesce(json_agg(json_build_object(
                      'seq', p.seq, 'prevHash', p.prev_hash, 'nextHash', p.next_hash, 'ops', p.ops,
                      'requirements', p.requirements) ORDER BY p.seq), '[]')
               FROM menagerie.truss_patch p
              WHERE p.model_version_id = g.model_version_id AND p.generation = g.generation
                AND p.seq > CASE WHEN g.generation = $2 AND g.created_at::text = $3 THEN $4 ELSE 0 END) AS patches
       FROM menagerie.truss_generation g
       LEFT JOIN menagerie.truss_sync s ON s.model_version_id = g.model_version_id
      WHERE g.model_version_id = $1
      ORDER BY g.generation DESC LIMIT 1`,
    [versionId, before?.chain.generation ?? 0, before?.made ?? "", before?.chain.patches.length ?? 0],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { generation, base_hash: baseHash, made } = row;
  const patches = row.patches.map(({ requirements, ...patch }) =>
    seal.open(requirements === null ? patch : { ...patch, requirements }),
  );
  const isSame = before?.chain.generation === generation && before.made === made;
  const chain: PatchChain = {
    generation,
    baseHash,
    patches: isSame ? [...before.chain.patches, ...patches] : patches,
  };
  keepRecent(known, versionId, { made, chain }, keptChains);
  return { chain, record: row.record, revision: Number(row.revision ?? 0) };
}

/**
 * Begins a chain at `baseHash`, with its head, whose signature is sealed; in a transaction that {@link lockVersion} made. Answers its number.
 */
export async function beginGeneration(
  client: ClientBase,
  versionId: string,
  baseHash: string,
  signature: TrussSignature,
): Promise<number> {
  const generation = await insertGeneration(client, versionId, baseHash);
  await writeHead(client, versionId, { generation, seq: 0, hash: baseHash, signature });
  return generation;
}

async function insertGeneration(client: ClientBase, versionId: string, baseHash: string): Promise<number> {
  const { rows } = await client.query<{ generation: number }>(
    `INSERT INTO menagerie.truss_generation (model_version_id, generation, base_hash)
     SELECT $1, coalesce(max(generation), 0) + 1, $2
       FROM menagerie.truss_generation WHERE model_version_id = $1
     RETURNING generation`,
    [versionId, baseHash],
  );
  return rows[0]?.generation ?? 0;
}

async function writeHead(client: ClientBase, versionId: string, head: SignedHead): Promise<void> {
  await client.query(
    `INSERT INTO menagerie.truss_head (model_version_id, generation, seq, hash, signature, is_sealed)
     VALUES ($1, $2, $3, $4, $5, true)
     ON CONFLICT (model_version_id) DO UPDATE SET
       generation = excluded.generation, seq = excluded.seq, hash = excluded.hash, signature = excluded.signature,
       is_sealed = true`,
    [versionId, head.generation, head.seq, head.hash, JSON.stringify(head.signature)],
  );
}

/**
 * Stores a patch and moves the head to it, where the head is still the one before; false where it is not. One statement, so
 * that it is one way to the database and back.
 */
async function insertPatch(
  pool: Pool,
  versionId: string,
  generation: number,
  sealed: { readonly patch: StoredPatch; readonly signature: TrussSignature },
): Promise<boolean> {
  const { seq, prevHash, nextHash, ops, requirements, sentBy } = sealed.patch;
  const { rowCount } = await pool.query(
    `WITH head AS (
       UPDATE menagerie.truss_head SET seq = $3, hash = $5, signature = $7, is_sealed = true
        WHERE model_version_id = $1 AND generation = $2 AND seq = $3 - 1 AND hash = $4
       RETURNING model_version_id)
     INSERT INTO menagerie.truss_patch (model_version_id, generation, seq, prev_hash, next_hash, ops, requirements, sent_by, is_sealed)
     SELECT model_version_id, $2, $3, $4, $5, $6, $8, $9, true FROM head`,
    [
      ...[versionId, generation, seq, prevHash, nextHash, JSON.stringify(ops), JSON.stringify(sealed.signature)],
      requirements ? JSON.stringify(requirements) : null,
      sentBy ?? null,
    ],
  );
  return rowCount === 1;
}

/** One transaction; those of one version follow each other, others go on. */
export function lockVersion<T>(pool: Pool, versionId: string, work: (client: ClientBase) => Promise<T>): Promise<T> {
  return inPooledTransaction(pool, async (client) => {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.truss_patch', $1::bigint))", [
      versionId,
    ]);
    return work(client);
  });
}
