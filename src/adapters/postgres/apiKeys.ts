import { randomBytes, randomInt } from "node:crypto";
import type { ClientBase, Pool } from "pg";
import { apiKey, keyHash, keyPrefix, prefixLength, type StoredScope, secretBytes } from "../../domain/access/apiKey.ts";
import type { KeyRight } from "../../domain/access/rights.ts";
import type { KeyRole } from "../../domain/access/roles.ts";
import type { Limits } from "../../domain/limits/limits.ts";
import { type LimitRow, limitColumns, limitsOf, withLimits } from "./limits/databaseLimits.ts";
import { refuse } from "./refusals.ts";
import { sqlState } from "./server.ts";

/** A key as it is listed: the key itself is known only to whoever made it. */
export interface ListedKey {
  readonly id: string;
  readonly prefix: string;
  readonly model: string | null;
  readonly organization: string | null;
  /** What it may do besides predicting. */
  readonly rights: readonly KeyRight[];
  /** What a person may see and do with it; null for a key that predicts. */
  readonly role: KeyRole | null;
  readonly limits: Limits;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

/** What a key is checked against. */
export interface StoredKey {
  readonly id: string;
  readonly hash: Buffer;
  readonly scope: StoredScope;
  /** Of a person's key, which predicts nothing. @default a key that predicts */
  readonly role?: KeyRole | undefined;
  readonly rights: readonly KeyRight[];
  readonly limits: Limits;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A key that was just made: the only time that it is known. */
export interface MadeKey {
  readonly id: string;
  readonly key: string;
  readonly prefix: string;
}

/** Makes a key that predicts. */
export function createKey(
  client: ClientBase,
  scope: StoredScope,
  rights: readonly KeyRight[] = [],
  limits: Limits = {},
): Promise<MadeKey> {
  return insertKey(client, {
    modelId: "modelId" in scope ? scope.modelId : null,
    organizationId: "organizationId" in scope ? scope.organizationId : null,
    rights,
    role: null,
    limits,
  });
}

/** Makes a person's key, for one organization or (undefined) the whole environment. */
export function createRoleKey(client: ClientBase, role: KeyRole, organizationId: string | undefined): Promise<MadeKey> {
  return insertKey(client, { modelId: null, organizationId: organizationId ?? null, rights: [], role, limits: {} });
}

interface NewKey {
  readonly modelId: string | null;
  readonly organizationId: string | null;
  readonly rights: readonly KeyRight[];
  readonly role: KeyRole | null;
  readonly limits: Limits;
}

async function insertKey(
  client: ClientBase,
  { modelId, organizationId, rights, role, limits }: NewKey,
): Promise<MadeKey> {
  const prefix = Array.from({ length: prefixLength }, () => letters[randomInt(letters.length)]).join("");
  const key = apiKey(prefix, randomBytes(secretBytes).toString("base64url"));
  const insert = `INSERT INTO menagerie.api_key
       (prefix, hash, model_id, organization_id, rights, role, requests_per_minute, tokens_per_minute, tokens_per_day)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`;
  const { rows } = await withLimits(() =>
    client.query<{ id: string }>(insert, [
      prefix,
      keyHash(key),
      modelId,
      organizationId,
      rights,
      role,
      limits.requestsPerMinute ?? null,
      limits.tokensPerMinute ?? null,
      limits.tokensPerDay ?? null,
    ]),
  );
  return { id: rows[0]?.id ?? "", key, prefix };
}

/** All keys, the newest first. */
export async function listKeys(client: ClientBase): Promise<ListedKey[]> {
  const { rows } = await withLimits(() =>
    client.query<Omit<ListedKey, "limits"> & LimitRow>(
      `SELECT k.id, k.prefix, m.name AS model, o.name AS organization, k.rights, k.role,
            k.created_at AS "createdAt", k.revoked_at AS "revokedAt", ${limitColumns("k")}
       FROM menagerie.api_key k
       LEFT JOIN menagerie.model m ON m.id = k.model_id
       LEFT JOIN menagerie.organization o ON o.id = k.organization_id
      ORDER BY k.id DESC`,
    ),
  );
  return rows.map((row) => {
    const { requestsPerMinute: _, tokensPerMinute: __, tokensPerDay: ___, ...key } = row;
    return { ...key, limits: limitsOf(row) };
  });
}

/** Revokes the key with this id or prefix. Answers its prefix; revoking it again changes nothing. */
export async function revokeKey(client: ClientBase, idOrPrefix: string): Promise<string> {
  const { rows } = await client.query<{ prefix: string }>(
    `UPDATE menagerie.api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id::text = $1 OR prefix = $1
     RETURNING prefix`,
    [idOrPrefix],
  );
  const prefix = rows[0]?.prefix;
  if (prefix === undefined) {
    throw refuse("key.not-found", { idOrPrefix });
  }
  return prefix;
}

/** The key with this prefix, unless it is revoked or there is none. */
export async function findKey(pool: Pool, prefix: string): Promise<StoredKey | undefined> {
  const { rows } = await pool.query<
    LimitRow & {
      id: string;
      hash: Buffer;
      model_id: string | null;
      organization_id: string | null;
      rights: readonly KeyRight[];
      role: KeyRole | null;
    }
  >(
    `SELECT k.id, k.hash, k.model_id, k.organization_id, k.rights, k.role, ${limitColumns("k")}
       FROM menagerie.api_key k WHERE k.prefix = $1 AND k.revoked_at IS NULL`,
    [prefix],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { id, hash, rights } = row;
  const found = { id, hash, rights, role: row.role ?? undefined, limits: limitsOf(row) };
  if (row.model_id !== null) return { ...found, scope: { modelId: row.model_id } };
  // Of the whole environment are people's keys alone: no organization has this id.
  return { ...found, scope: { organizationId: row.organization_id ?? "0" } };
}

/** What a key may do, and what it opens. */
export interface KnownKey {
  readonly prefix: string;
  readonly rights: readonly KeyRight[];
  /** The one model that it opens; null where it opens all of the organization. */
  readonly model: string | null;
  readonly organization: string;
  /** The organization is the platform's own, whose are the models of the zoo. */
  readonly isAdmin: boolean;
}

/**
 * What a whole key may do, for commands whose user shows one; undefined for a key that is unknown or revoked.
 * @throws OperatorError where the platform's tables are older than this.
 */
export async function findKnownKey(client: ClientBase, key: string): Promise<KnownKey | undefined> {
  const prefix = keyPrefix(key);
  if (prefix === undefined) return undefined;
  try {
    const { rows } = await client.query<Omit<KnownKey, "prefix">>(
      'SELECT rights, model, organization, is_admin AS "isAdmin" FROM menagerie.known_key($1, $2)',
      [prefix, keyHash(key)],
    );
    return rows[0] && { prefix, ...rows[0] };
  } catch (error) {
    // No such function, or no such schema.
    if (sqlState(error) !== "42883" && sqlState(error) !== "3F000") throw error;
    throw refuse("key.tables-older", undefined, error);
  }
}
