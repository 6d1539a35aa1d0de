/** What of the last `up`'s outputs tells of grants. */
export interface LastRights {
  readonly rights?: "sql" | null;
  readonly schemaVersion?: string | null;
  readonly states?: Readonly<Record<string, InSchema>> | null;
  readonly shadows?: Readonly<Record<string, LastShadow>>;
}

interface LastShadow {
  readonly primary: InSchema;
  readonly shadows: Readonly<Record<string, InSchema>>;
  readonly noise: InSchema | null;
}

interface InSchema {
  readonly schema: string;
}

/** Grants that the state of a stack may hold, of a version that declared each grant as a resource. */
export interface EarlierGrants {
  /** Schemas of releases and of predictions that the last `up` declared; undefined where it left no outputs. */
  readonly schemas: ReadonlySet<string> | undefined;
}

/** The first migration of a version whose rights are SQL files. */
const rightsInFiles = "0050_rights-in-files";

/**
 * Undefined where the engine's state holds none, or where all are such that the engine only forgets them, as the last `up` says. Only then
 * may they be left out: the engine revokes the others, after everything else.
 *
 * @param stored - name of the database's last migration; undefined where it has none, or was not asked
 */
export function earlierGrants(last: LastRights, stored: string | undefined): EarlierGrants | undefined {
  const { rights, schemaVersion, states, shadows = {} } = last;
  if (rights === "sql") return undefined;
  // A first `up` that failed leaves no outputs, and tables that tell its version.
  if (!schemaVersion) return stored !== undefined && stored < rightsInFiles ? { schemas: undefined } : undefined;
  const sides = Object.values(shadows).flatMap(({ primary, shadows: others, noise }) => [
    ...[primary, ...Object.values(others)],
    ...(noise ? [noise] : []),
  ]);
  return { schemas: new Set([...Object.values(states ?? {}), ...sides].map(({ schema }) => schema)) };
}
