/**
 * What people may see and do with a key that has a role, in the console and through the API service alike. A key with a role is a person's: it
 * predicts nothing, and keys that predict have no role.
 */
export const keyRoles = ["viewer", "inspector", "operator"] as const;
export type KeyRole = (typeof keyRoles)[number];

/** What a role allows. */
export const roleRights = [
  /** See where models, rollouts, apps and releases stand. */
  "see",
  /** See what clients sent, what models answered and what patches write; each view is noted in the audit. */
  "bodies",
  /** Change what the console lets people change. */
  "operate",
] as const;
export type RoleRight = (typeof roleRights)[number];

const rightsOf: Readonly<Record<KeyRole, readonly RoleRight[]>> = {
  viewer: ["see"],
  inspector: ["see", "bodies"],
  operator: ["see", "bodies", "operate"],
};

/** Whether a role allows something. */
export function allows(role: KeyRole, right: RoleRight): boolean {
  return rightsOf[role].includes(right);
}

/** Whose sight a session has. */
export interface Viewer {
  readonly role: KeyRole;
  /** Who it is, as the audit has it: `key ` and the prefix of the key that the session was begun with, or who made the link. */
  readonly who: string;
  /** The one organization whose apps, usage and limits it sees; null for the whole environment. */
  readonly organization: { readonly id: string; readonly name: string } | null;
}

/** Such as `viewer of the environment` or `inspector of acme`. */
export function describeViewer({ role, organization }: Pick<Viewer, "role" | "organization">): string {
  return `${role} of ${organization === null ? "the environment" : organization.name}`;
}
