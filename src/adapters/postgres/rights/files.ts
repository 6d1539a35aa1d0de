import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { platformDatabase, platformSchemaName, roles } from "../../../domain/platformDatabase.ts";
import { isOwnTable, releaseRoles, type StateTable } from "../../../domain/release/stateSchema.ts";
import { parseGrants, type RightsScope } from "../../../domain/rights/grantStatements.ts";
import type { Rights } from "../../../domain/rights/rights.ts";

/** Files of the platform's own tables, each named after its role. What the owner and pipelines may do, no grant says. */
const platformFiles = [
  ...[
    "public",
    roles.api,
    roles.console,
    roles.deployer,
    roles.guard,
    roles.migrator,
    roles.operator,
    roles.reader,
    roles.state,
  ],
];

/** What each role may do in the platform's own tables. */
export function platformRights(): Promise<Rights> {
  return rightsOf(platformFiles, platformSchemaName);
}

/** What the state of a release is made of. */
export interface ReleaseObjects {
  readonly schema: string;
  readonly tables: readonly StateTable[];
  /** @default none */
  readonly views?: readonly string[] | undefined;
  /**
   * Whether it has sequences, other than those of identity columns.
   * @default false
   */
  readonly sequences?: boolean | undefined;
}

/** What both logins of a release may do in its state. */
export async function releaseRights({ schema, tables, views = [], sequences }: ReleaseObjects): Promise<Rights> {
  const { service, pipeline } = releaseRoles(schema);
  const lists = (isWritten: (table: StateTable) => boolean) => ({
    written: tables.filter(isWritten).map(({ name }) => name),
    read: [...tables.filter((table) => !isWritten(table)).map(({ name }) => name), ...views],
  });
  const more = sequences ? ["releaseSequences"] : [];
  const both = await Promise.all([
    // A table seeded by view is read-only for services, in the first release too.
    rightsOf(["releaseService", ...more], schema, { role: service, ...lists(({ seed }) => seed !== "view") }),
    rightsOf(["releasePipeline", ...more], schema, { role: pipeline, ...lists(isOwnTable) }),
  ]);
  return Object.assign({}, ...both);
}

/** What recorders, readers and whoever drops days past retention may do in the prediction tables of one model. */
export async function predictionRights(
  schema: string,
  {
    writers,
    readers,
    keepers,
  }: { readonly writers: readonly string[]; readonly readers: readonly string[]; readonly keepers: readonly string[] },
): Promise<Rights> {
  const filesOf = (role: string) =>
    role === roles.operator ? ["predictionReader", "predictionEraser"] : ["predictionReader"];
  const all = [
    ...writers.map((role) => rightsOf(["predictionWriter"], schema, { role })),
    ...readers.map((role) => rightsOf(filesOf(role), schema, { role })),
    ...keepers.map((role) => rightsOf(["predictionKeeper"], schema, { role })),
  ];
  return Object.assign({}, ...(await Promise.all(all)));
}

/** Roles that read every model's predictions; the console compares them, and shows bodies to whoever may see them. */
export const predictionReaders: readonly string[] = [
  ...[roles.operator, roles.reader, roles.deployer, roles.guard],
  roles.console,
];

/** Roles that let go of every model's predictions once they are past their days. */
export const predictionKeepers: readonly string[] = [roles.api];

async function rightsOf(files: readonly string[], schema: string, names?: RightsScope["names"]): Promise<Rights> {
  const texts = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, `${file}.sql`), "utf8")));
  // One file after another would say of a role that both name what the last one says.
  return parseGrants(texts.join("\n"), { database: platformDatabase, schema, names: { schema, ...names } });
}
