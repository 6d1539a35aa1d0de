import { DatabaseUnreachable, serverFromUrl } from "../../../adapters/postgres/server.ts";
import { readPointing } from "../../../adapters/postgres/zoo/migration/pointing.ts";
import type { MigrationConnection } from "../../../adapters/postgres/zoo/migration/target.ts";
import { existingTable } from "../../../config/migrationTarget.ts";
import { messageOf, OperatorError } from "../../../domain/errors.ts";
import { sentenceOf } from "../../../domain/refusals/clause.ts";
import type { TargetCounts, TargetPair } from "../../../domain/zoo/targetApps.ts";
import { environmentLayout } from "../../../local/layout.ts";
import { localStack } from "../../../local/localStack.ts";
import { storedTargetUrl } from "../../../local/stackConfig.ts";
import { readStack } from "../../stackText.ts";
import { refuse } from "./refusals.ts";

/** `menagerie:migrationTarget` of a stack, and the ids that its models' rollouts have there. */
export interface DeclaredTarget {
  /** For `--target`: the stack's file, which names the table. */
  readonly file: string;
  readonly table: string;
  /** By name of the model. */
  readonly pairs: ReadonlyMap<string, TargetPair & { readonly leave: readonly string[] }>;
  /** Undefined where nothing says the database's url. */
  readonly connection: MigrationConnection | undefined;
}

export interface TargetOptions {
  readonly environment: string;
  /** The stack whose file is read. @default the embedded environment's, unless MENAGERIE_DATABASE_URL names another stack's database */
  readonly stack?: string | undefined;
}

const variable = "MENAGERIE_MIGRATION_DATABASE_URL";

/** The stack whose file a command reads; undefined where nothing says which. */
function chosenStack({ stack }: TargetOptions): string | undefined {
  return stack ?? (process.env.MENAGERIE_DATABASE_URL ? undefined : localStack);
}

/** Apps of the platform's own tables that rollouts leave where their owners pointed them, by name of the zoo model. */
export async function declaredLeave(options: TargetOptions): Promise<ReadonlyMap<string, readonly string[]>> {
  const chosen = chosenStack(options);
  if (chosen === undefined) return new Map();
  const zoo = (await readStack(chosen)).reading.config["menagerie:zoo"];
  if (typeof zoo !== "object" || zoo === null) return new Map();
  // With `apps`, the ids are those of another table.
  return new Map(
    Object.entries(zoo as Record<string, { apps?: unknown; leave?: unknown } | null>).flatMap(([name, model]) =>
      model && model.apps === undefined && Array.isArray(model.leave) ? [[name, model.leave.map(String)]] : [],
    ),
  );
}

/** The table of apps that a stack declares beside the platform's own; undefined for none. */
export async function declaredTarget(options: TargetOptions): Promise<DeclaredTarget | undefined> {
  const chosen = chosenStack(options);
  if (chosen === undefined) return undefined;
  const {
    file,
    reading: { config },
  } = await readStack(chosen);
  const declared = config["menagerie:migrationTarget"];
  if (typeof declared !== "object" || declared === null) return undefined;
  const { databaseUrl: _, ...columns } = declared as Record<string, unknown>;
  const parsed = existingTable.safeParse(columns);
  if (!parsed.success) throw refuse("target.declared-wrong", { file, chosen });
  const url =
    process.env[variable] ||
    (chosen === localStack ? await storedTargetUrl(environmentLayout(options.environment)) : undefined);
  return {
    file,
    table: parsed.data.table,
    pairs: pairsIn(config["menagerie:zoo"]),
    connection: url ? { server: serverFromUrl(url, variable), existing: parsed.data } : undefined,
  };
}

/** As written: `validate` and the program check what they say. */
function pairsIn(zoo: unknown): DeclaredTarget["pairs"] {
  if (typeof zoo !== "object" || zoo === null) return new Map();
  const models = Object.entries(zoo as Record<string, { apps?: Partial<TargetPair>; leave?: unknown } | null>);
  return new Map(
    models.flatMap(([name, model]) => {
      const { from, to } = model?.apps ?? {};
      if (from === undefined || to === undefined) return [];
      const leave = Array.isArray(model?.leave) ? model.leave.map(String) : [];
      return [[name, { from: String(from), to: String(to), leave }]];
    }),
  );
}

/** How many apps of the table point at each version of each pair, or why that is not known. */
export async function targetCounts(
  target: DeclaredTarget,
): Promise<{ readonly counts: readonly TargetCounts[]; readonly notCounted: string | null }> {
  const { connection, pairs, table } = target;
  if (!connection) return { counts: [], notCounted: `apps in ${table} are not counted; set ${variable}` };
  const named = [...pairs];
  try {
    const found = await readPointing(
      connection,
      named.map(([, pair]) => pair),
    );
    const [obstacle] = found[0]?.obstacles ?? [];
    if (obstacle) return { counts: [], notCounted: `apps in ${table} are not counted: ${sentenceOf(obstacle)}` };
    const counts = found.map(({ counts: each }, index) => ({ model: named[index]?.[0] ?? "", ...each }));
    return { counts, notCounted: null };
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable || error instanceof OperatorError)) throw error;
    return { counts: [], notCounted: `apps in ${table} are not counted: ${messageOf(error)}` };
  }
}
