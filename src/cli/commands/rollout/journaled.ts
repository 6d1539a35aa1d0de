import { listMigrations } from "../../../adapters/postgres/zoo/migration/journal.ts";
import { type MigrationConnection, readingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import type { JournaledPlan } from "../../../domain/zoo/migration.ts";
import { operatorServer } from "../../operatorDatabase.ts";
import { environmentSuffix } from "../../options.ts";

/** A migration as the journal has it, with its pair. */
export interface ShownMigration extends JournaledPlan {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The migrations of the platform's tables, the one that was changed last first. Those that only try a copy are left out. */
export async function readMigrations(environment: string): Promise<ShownMigration[]> {
  return migrationsOf({ server: await operatorServer(environment) });
}

/** The same of any table that apps are in. */
export async function migrationsOf(connection: MigrationConnection): Promise<ShownMigration[]> {
  const all = await readingTarget(connection, listMigrations);
  return all
    .filter(({ name }) => !name.startsWith("try "))
    .map(({ id, name, from, to, direction, share, pausedAt }) => ({
      id,
      name,
      from,
      to,
      direction,
      share,
      held: pausedAt !== null,
    }));
}

/** `target`: the file that names the table, where it is not the platform's. Such as `migration 7: forward, 20 % of the organizations, held; let it go on by menagerie rollout resume --id 7`. */
export function describeMigration(
  { id, direction, share, held }: JournaledPlan,
  environment: string,
  target?: string,
): string {
  const cohort = direction === "forward" && share < 100 ? `, ${share} % of the organizations` : "";
  const option = `${environmentSuffix(environment)}${target === undefined ? "" : ` --target ${target}`}`;
  const hold = held
    ? `, held by hand: nothing moves until \`menagerie rollout resume --id ${id}${option}\``
    : `; hold it by \`menagerie rollout pause --id ${id}${option}\``;
  return `migration ${id}: ${direction}${cohort}${hold}`;
}
