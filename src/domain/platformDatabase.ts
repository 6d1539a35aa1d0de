/** The platform's database, and the schema of its tables. */
export const platformDatabase = "menagerie";
export const platformSchemaName = "menagerie";
/** Schema of the source data that pipelines build states from; see `menagerie data load`. */
export const sourceSchemaName = "source";

/** TLS to a PostgreSQL server, as libpq's; `require` encrypts without checking the certificate. */
export const sslModes = ["disable", "require", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** Roles of the database. What each may do is an SQL file in `src/adapters/postgres/rights`. */
export const roles = {
  /** Owns database, schema and tables. Cannot log in: migrations act as it, nothing else does. */
  owner: "menagerie_owner",
  /** The API service: follows pointers, checks keys, keeps the patches of development versions. */
  api: "menagerie_api",
  /** The stack: registers model versions. */
  deployer: "menagerie_deployer",
  /** Moves apps from one zoo version to another, and keeps the journal of it. Cannot log in: runs act as it. */
  migrator: "menagerie_migrator",
  /** Judges rollouts by what was counted, and takes back those that are bad; changes nothing else. */
  guard: "menagerie_guard",
  /** The console: reads what its pages show, and keeps its sessions by functions alone. */
  console: "menagerie_console",
  /** Plans and dashboards: everything but keys. */
  reader: "menagerie_reader",
  /** The operator's CLI: makes apps and keys. Cannot log in: operators act as it with credentials of their own. */
  operator: "menagerie_operator",
  /** Owns the states of releases. Cannot log in: seeding acts as it, nothing else does. */
  state: "menagerie_state",
  /** What the pipelines of all releases have in common: they read the source data. Cannot log in. */
  pipeline: "menagerie_pipeline",
} as const;
