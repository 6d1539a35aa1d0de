import { inTransaction } from "../../../adapters/postgres/transaction.ts";
import { readZooRegistry } from "../../../adapters/postgres/zoo/registry.ts";
import { badInput } from "../../../domain/errors.ts";
import { duration } from "../../../domain/zoo/phases.ts";
import { type Standing, standings } from "../../../domain/zoo/standing.ts";
import { asOperator } from "../../operatorDatabase.ts";
import { environmentSuffix } from "../../options.ts";
import { columns } from "../../table.ts";
import { describeMigration, readMigrations, type ShownMigration } from "./journaled.ts";

export interface ShowOptions {
  readonly environment: string;
  readonly json: boolean;
}

/** Where models stand: all of them, or the one called `name`. Throws a `badInput` for one that is not known. */
export async function readStandings(environment: string, name: string | undefined): Promise<Standing[]> {
  const registry = await asOperator(environment, (client) =>
    inTransaction(client, () => readZooRegistry(client, name === undefined ? [] : [name]), { readOnly: true }),
  );
  const all = standings(registry);
  const chosen = name === undefined ? all : all.filter((each) => each.name === name);
  if (name !== undefined && chosen.length === 0) {
    const known = all.map((each) => each.name).join(", ") || "none yet";
    throw badInput(`there is no zoo model "${name}"; the stack has recorded ${known}`);
  }
  return chosen;
}

/** `menagerie rollout [name]` */
export async function showRollouts(name: string | undefined, { environment, json }: ShowOptions): Promise<void> {
  const migrations = await readMigrations(environment);
  const found = (await readStandings(environment, name)).map((standing) => ({
    ...standing,
    migration: migrations.find(({ from, to }) => from === standing.from?.id && to === standing.to?.id) ?? null,
  }));
  if (json) return console.log(JSON.stringify(found, null, 2));
  if (name !== undefined) return console.log(found.map((each) => describe(each, environment)).join("\n"));
  const rows = found.map((each) => [
    each.name,
    each.phase,
    each.since.toISOString(),
    each.from ? `${version(each.from)} → ${each.to ? version(each.to) : "copy"}` : "",
    `${each.migration?.held ? `held, migration ${each.migration.id}; ` : ""}set ${each.next.set.join(", ")}`,
  ]);
  console.log(columns([["MODEL", "PHASE", "SINCE", "ROLLOUT", "NEXT"], ...rows]));
}

interface ShownStanding extends Standing {
  readonly migration: ShownMigration | null;
}

function describe(standing: ShownStanding, environment: string): string {
  const option = environmentSuffix(environment);
  const { name, phase, since, versions, copyApps, bakeSecondsLeft, evidence, next, revert } = standing;
  const key = (set: string) => `menagerie:zoo.${name}.${set}`;
  return [
    `${name}: ${phase} since ${since.toISOString()}`,
    ...versions.map(({ id, number, hash, isCurrent, apps }) => {
      const marks = [isCurrent ? "new apps use it" : "", apps > 0 ? `${apps === 1 ? "1 app" : `${apps} apps`}` : ""];
      return `  version ${number}  id ${id}  ${hash.slice(0, 12)}  ${marks.filter(Boolean).join(", ")}`.trimEnd();
    }),
    ...(copyApps > 0 ? [`  ${name}_copy: ${copyApps === 1 ? "1 app tries" : `${copyApps} apps try`} it`] : []),
    ...evidence.map(
      ({ kind, passed, at, evidenceHash }) =>
        `evidence: ${kind} ${passed ? "passed" : "failed"} at ${at.toISOString()} (${evidenceHash.slice(0, 12)})`,
    ),
    ...(bakeSecondsLeft === null
      ? []
      : [`bake: ${bakeSecondsLeft > 0 ? `${duration(bakeSecondsLeft)} left` : "over"}`]),
    ...(standing.migration ? [describeMigration(standing.migration, environment)] : []),
    `next: set ${next.set.map(key).join(" and ")}, and run \`up\``,
    ...(next.refused === null ? [] : [`  refused as of now: ${next.refused}`]),
    ...(revert ? [`back: set ${key(revert.set)}${revert.command ? `; by hand: ${revert.command}${option}` : ""}`] : []),
  ].join("\n");
}

const version = ({ number, id }: { readonly number: number; readonly id: string }): string => `v${number} (${id})`;
