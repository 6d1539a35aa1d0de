import { planZooMigration } from "../adapters/postgres/zoo/migration/plan.ts";
import { keyPath } from "../config/sentences.ts";
import { badInput } from "../domain/errors.ts";
import { describeMigrationPlan } from "../domain/zoo/migration.ts";
import type { PlatformPlan } from "./platform.ts";
import type { ZooModelPlan } from "./zoo.ts";

/**
 * Adds to each model's plan what its migration would do: rows, users, time. Read, and not done. Throws one `badInput` with a
 * sentence for each migration that would be refused.
 */
export async function withMigrations(
  zoo: ReadonlyMap<string, ZooModelPlan>,
  platform: PlatformPlan | undefined,
): Promise<Map<string, ZooModelPlan>> {
  const planned = new Map<string, ZooModelPlan>();
  const mistakes: string[] = [];
  for (const [name, plan] of zoo) {
    const { lines, refusals } = await describe(plan, platform);
    planned.set(name, { ...plan, lines: [...plan.lines, ...lines] });
    mistakes.push(...refusals.map((refusal) => `${keyPath(["zoo", name, "phase"])}: ${refusal}`));
  }
  if (mistakes.length > 0) throw badInput(mistakes.join("\n"));
  return planned;
}

async function describe({ migration }: ZooModelPlan, platform: PlatformPlan | undefined) {
  if (!migration || !platform) return { lines: [], refusals: [] };
  if (platform.basis !== "read") return { lines: ["apps that move: not checked"], refusals: [] };
  const plan = await planZooMigration({ server: platform.server }, migration);
  const share =
    migration.direction === "forward" && (migration.share ?? 100) < 100
      ? `, ${migration.share} % of the organizations`
      : "";
  const paused = migration.paused ? ", paused: nothing moves now" : "";
  return { lines: [describeMigrationPlan(plan, migration) + share + paused, ...plan.notes], refusals: plan.refusals };
}
