import type { ClientBase } from "pg";
import { inEachSequence, objectOf, type Rights, rightsOf, rightsWithout } from "../../../domain/rights/rights.ts";
import { readCatalog } from "./catalog.ts";

/** Rights in a schema and its database that somebody revoked, such as `menagerie_api: SELECT on table model`. */
export async function lackingRights(client: ClientBase, schema: string, wanted: Rights): Promise<string[]> {
  const { granted, sequences } = await readCatalog(client, schema, wanted);
  return Object.entries(wanted).flatMap(([role, described]) => {
    // A right that it may give to others is that right.
    const own = granted.filter((each) => each.role === role).map((each) => ({ ...each, grantable: false }));
    const missing = rightsWithout(inEachSequence(rightsOf(described), sequences), own);
    return missing.length === 0 ? [] : [`${role}: ${missing.map(rightText).join(", ")}`];
  });
}

function rightText(right: Parameters<typeof objectOf>[0] & { privilege: string; column?: string | undefined }): string {
  const column = right.column === undefined ? "" : ` (${right.column})`;
  return `${right.privilege}${column} on ${objectOf(right)}`;
}
