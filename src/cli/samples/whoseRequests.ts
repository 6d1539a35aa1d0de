import type { Client } from "pg";
import { organizationNames } from "../../adapters/postgres/models.ts";
import { refuse } from "../commands/refusals.ts";

/** Whose requests a sample is to have. */
export type Whose =
  | { readonly organization: string }
  /** Also those of nobody known. */
  | "all"
  /** Everybody's, where that is one organization. */
  | undefined;

/**
 * Name of the organization that a sample is of; null for all of them.
 *
 * @param found - how many requests each organization has, by its id; null for those of nobody known
 * @throws OperatorError where nobody said whose requests are wanted, and they are not those of one organization.
 */
export async function organizationOf(
  client: Client,
  { name, whose }: { readonly name: string; readonly whose: Whose },
  found: ReadonlyMap<string | null, number>,
): Promise<string | null> {
  if (whose === "all") return null;
  if (whose !== undefined) return whose.organization;
  const names = await organizationNames(client);
  const nameOf = (id: string) => names.get(id) ?? `the organization with id ${id}, which is gone`;
  const [only] = found.keys();
  if (found.size === 1 && only != null) return nameOf(only);
  const organizations = [...found]
    .map(([id, count]) => `${id === null ? "nobody known" : nameOf(id)} (${count})`)
    .sort()
    .join(", ");
  throw refuse("sample.whose", { name, organizations });
}
