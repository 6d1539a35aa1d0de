import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import type { Progress } from "../../../domain/progress.ts";
import type { RunnableState } from "../../../domain/trial/combination.ts";
import type { StateCopy } from "../../../domain/trial/trial.ts";
import { findKnownKey } from "../apiKeys.ts";
import { recordAudit } from "../audit.ts";
import { dumpState, requireDumpWithin } from "../releaseState/dump.ts";
import { refuse } from "../releaseState/refusals.ts";
import { type DatabaseServer, withClient } from "../server.ts";
import { actAs } from "../transaction.ts";

/** A copy of a release's state that somebody asks for. */
export interface StateCopyRequest {
  readonly state: RunnableState;
  /** Stack of the release, for the audit. */
  readonly stack: string;
  /** Of the rows, at most. */
  readonly maxBytes: number;
  /** Folder of a dump that has them, of a state that was dropped. @default they are read from the database */
  readonly dump?: string | undefined;
  /**
   * A key with the right copy-state; `own` where the server is that of an embedded environment, whose owner asks.
   * The key itself is not kept.
   */
  readonly by: { readonly key: string | undefined } | { readonly own: string };
  readonly progress: Progress;
}

/**
 * The permission to copy a state. The audit has it before there is any of the copy.
 * @throws OperatorError for a key that may not, or none
 */
export async function authorizeStateCopy(server: DatabaseServer, request: StateCopyRequest): Promise<StateCopy> {
  const { state, stack, maxBytes, dump, by, progress } = request;
  await withClient(server, platformDatabase, async (client) => {
    await actAs(client, roles.operator);
    const who = "own" in by ? by.own : await keyThatMay(client, by.key);
    const { tag, schema } = state;
    await recordAudit(client, { what: "state.copy", who, details: { stack, tag, schema, maxBytes } });
  });
  return {
    kind: "copy",
    copy: async (folder, signal) => {
      if (dump !== undefined) {
        await requireDumpWithin(dump, maxBytes, signal);
        return dump;
      }
      const tables = state.tables.map((table) => ({ ...table, from: null }));
      return dumpState(server, { ...state, tables, seededFrom: null }, folder, { progress, signal, maxBytes });
    },
  };
}

/** Prefix of the key, where it is one of the platform's own organization and has the right. */
async function keyThatMay(client: ClientBase, key: string | undefined): Promise<string> {
  if (key === undefined) throw refuse("state.copy-key", { what: "missing" });
  const known = await findKnownKey(client, key);
  if (!known) throw refuse("state.copy-key", { what: "it is not a key of this environment, or was revoked" });
  const { prefix, rights, model, isAdmin } = known;
  if (!rights.includes("copy-state")) {
    throw refuse("state.copy-key", { what: `key ${prefix} does not have the right copy-state` });
  }
  if (!isAdmin || model !== null)
    throw refuse("state.copy-key", { what: `key ${prefix} is not of organization admin` });
  return prefix;
}
