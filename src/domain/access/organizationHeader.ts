import { isRowId } from "../rowId.ts";

/**
 * Request header that tells recorders whose a request is: the id of an organization, which stays when its name changes. Set by whoever checks
 * keys or answers for an app, over what a client says; models behind a recorder do not see it. In lower case.
 */
export const organizationHeader = "x-menagerie-organization";

/** The organization that a header's value names; null where nobody has said it. */
export function organizationTold(value: string | readonly string[] | undefined): string | null {
  return typeof value === "string" && isRowId(value) ? value : null;
}
