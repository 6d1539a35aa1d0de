import type { Client } from "pg";
import { findKnownKey, type KnownKey } from "../../adapters/postgres/apiKeys.ts";
import { refuse } from "../commands/refusals.ts";

/** The platform's own organization, whose are zoo models, shadows and what is recorded of them. */
const organization = "admin";

/**
 * The key of MENAGERIE_API_KEY, which may export what is recorded under this name.
 * @throws OperatorError for any other, or none.
 */
export async function requireExportKey(
  client: Client,
  recorded: { readonly name: string; readonly kind: "zoo" | "shadow" | "schema" },
): Promise<KnownKey> {
  const key = process.env.MENAGERIE_API_KEY;
  if (!key) throw refuse("sample.no-key", { what: "missing", organization });
  const known = await findKnownKey(client, key);
  if (!known)
    throw refuse("sample.no-key", { what: "it is not a key of this environment, or was revoked", organization });
  const { prefix, rights, model, isAdmin } = known;
  if (!rights.includes("export")) {
    throw refuse("sample.no-key", { what: `key ${prefix} does not have the right export`, organization });
  }
  const opens = isAdmin && (model === null || (recorded.kind === "zoo" && model === recorded.name));
  if (opens) return known;
  const what = model === null ? `organization ${known.organization}` : `model ${model} of ${known.organization}`;
  throw refuse("sample.key-elsewhere", { prefix, opens: what, name: recorded.name });
}
