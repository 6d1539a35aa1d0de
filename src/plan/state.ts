import { readStateFiles } from "../adapters/files/stateFiles.ts";
import { lostState } from "../adapters/postgres/releaseState/ensure.ts";
import {
  type JournaledRelease,
  readReleases,
  runElsewhere,
  usedByApps,
  wasWorkedIn,
} from "../adapters/postgres/releaseState/journal.ts";
import { type JournaledPipeline, readPipelines } from "../adapters/postgres/releaseState/pipelines.ts";
import { tryState } from "../adapters/postgres/releaseState/trial.ts";
import { sqlState, withClient } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { needsDatabase } from "../config/parse.ts";
import { keyPath } from "../config/sentences.ts";
import { identifierIssue } from "../domain/generatedNames.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { declaredRelations } from "../domain/release/declaredRelations.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import type { DeploymentIntent } from "../domain/release/record.ts";
import { planRetention } from "../domain/release/retention.ts";
import { declaredHash, isOwnTable, type StateTable, stateSchemaName, tagIssue } from "../domain/release/stateSchema.ts";
import { type PlannedPipeline, planPipelines } from "./pipelines.ts";
import type { LastOutputs, PlatformPlan } from "./platform.ts";

/** What of a deployment its state depends on. */
type PlannedDeployment = Pick<DeploymentIntent, "tag" | "environment" | "planned">;

/** What an `up` does about the states of releases. */
export interface StatePlan {
  /** Name of the stack. */
  readonly environment: string;
  readonly current: PlannedState;
  readonly kept: readonly PlannedState[];
  /** In the order of their names. */
  readonly pipelines: readonly PlannedPipeline[];
  /** Schemas that are dropped at the end of the `up`. */
  readonly retired: readonly string[];
  /** A line for each state of another release that somebody dropped by hand, with what still needs it. */
  readonly lost: readonly string[];
  /** Schemas that stay beyond `keep`, and why. */
  readonly heldBy: ReadonlyMap<string, readonly string[]>;
  /** In a few words, such as `seeded from v1.2.2`. */
  readonly description: string;
}

/**
 * Plans the states by read-only queries; undefined for a stack without `menagerie:state`.
 * @param release - what is deployed; its state is current unless the config names another.
 */
export async function planState(
  spec: Pick<EnvironmentSpec, "state">,
  platform: PlatformPlan | undefined,
  release: PlannedDeployment | undefined,
  lastOutputs: () => Promise<LastOutputs>,
): Promise<StatePlan | undefined> {
  if (!spec.state) return undefined;
  if (!platform) throw refused(needsDatabase("state", "local"));
  const { schemas, release: tag = release?.tag, keep, extensions } = spec.state;
  if (tag === undefined || !release) throw new Error("a stack with a database has a release");
  const { environment } = release;
  const issue = tagIssue(tag);
  if (issue) {
    const named = { tag: JSON.stringify(tag), ...issue };
    throw refused(refusal("release.tag", keyPath(["state", "release"]), named));
  }
  const known = platform.basis === "new database" ? {} : ((await lastOutputs()).states ?? {});
  const schema = stateSchemaName(tag);
  if (platform.basis === "not checked") {
    return { ...withoutDatabase(tag, known), environment, pipelines: await planPipelines(spec.state, []) };
  }

  const {
    releases: stored,
    pipelines,
    dropped,
  } = platform.basis === "read"
    ? await storedReleases(platform, release, schema)
    : { releases: [], pipelines: [], dropped: false };
  const isLost = ({ lost, wasReady }: JournaledRelease): boolean => wasReady && lost !== null;
  const there = stored.filter((release) => !isLost(release));
  const gone = stored.filter(isLost);
  const { previous, kept, retired, heldBy } = planRetention(schema, there, keep);
  const own = stored.find((release) => release.schema === schema);
  if (own && isLost(own)) throw lostState(own);
  // A state that the config names is used as it is: its files may be other ones by now, or gone.
  const asItIs = own?.ready === true && spec.state.release !== undefined;
  const files = await readStateFiles(schemas).catch((error: unknown) => {
    if (asItIs) return [];
    throw error;
  });
  const relations = declaredRelations(files.map(({ sql }) => sql).join("\n;\n"));
  if (!asItIs) requireKnown(spec.state.tables, relations, schemas);
  const declared = declaredHash(files);
  const otherFiles = own?.ready === true && own.declared !== declared;
  if (otherFiles && !asItIs) {
    throw refused(
      refusal("state.files-changed", keyPath(["state", "schemas"]), {
        folder: schemas,
        tag,
        code: keyPath(["versioning", "code"]),
        release: keyPath(["state", "release"]),
      }),
    );
  }
  if (!own && dropped) {
    throw refused(refusal("state.dropped", null, { tag, release: keyPath(["state", "release"]) }));
  }
  const current: PlannedState = own?.ready
    ? { ...plannedOf(own), seedFrom: previous?.schema ?? own.seededFrom }
    : {
        tag,
        schema,
        declared,
        views: relations.views,
        seedFrom: previous?.schema ?? own?.seededFrom ?? null,
        ...(relations.sequences ? { sequences: true } : {}),
        tables: relations.tables.map((name) => seededTable(name, spec.state?.tables[name], previous)),
      };
  const tried =
    own?.ready ||
    platform.basis !== "read" ||
    (await withClient(platform.server, platformDatabase, (client) =>
      tryState(client, { tag, files, tables: current.tables, extensions }),
    ).catch((error: unknown) => {
      // A database of a version of Menagerie before states.
      if (sqlState(error) === "42P01" || sqlState(error) === "42704") return false;
      throw error;
    }));
  return {
    environment,
    current,
    pipelines: await planPipelines(
      spec.state,
      pipelines.filter((each) => each.schema === schema),
    ),
    kept: kept.map((release) => ({ ...plannedOf(release), values: known[release.tag]?.values })),
    // What is left of those that somebody dropped by hand goes as well, unless something still needs them.
    retired: [...retired, ...gone.filter(({ references }) => references.length === 0)]
      .map(({ schema }) => schema)
      .sort(),
    lost: gone.map(
      ({ tag, lost, references }) => `${tag}: ${[`${lost} was dropped by hand`, ...references].join("; ")}`,
    ),
    heldBy,
    description: `${describe(own, previous)}${otherFiles ? `; its tables are those of other SQL files than those in "${schemas}", which are not run` : ""}${tried ? "" : "; the SQL files were not tried, for this login may not, or they take long"}`,
  };
}

function requireKnown(
  tables: Readonly<Record<string, unknown>>,
  { tables: declared, views, qualified }: ReturnType<typeof declaredRelations>,
  folder: string,
): void {
  if (qualified[0] !== undefined) {
    throw refused(refusal("state.qualified-name", keyPath(["state", "schemas"]), { folder, name: qualified[0] }));
  }
  const tooLong = [...declared, ...views].flatMap((name) => {
    const issue = identifierIssue(name);
    return issue ? [refusal("state.name-too-long", keyPath(["state", "schemas"]), { name, folder, ...issue })] : [];
  });
  const unknown = Object.keys(tables)
    .filter((name) => !declared.includes(name))
    .map((name) =>
      refusal("state.table-unknown", keyPath(["state", "tables", name]), {
        folder,
        tables: declared.join(", ") || "none",
      }),
    );
  const issues = [...tooLong, ...unknown];
  if (issues.length > 0) throw refused(issues);
}

interface StoredState {
  readonly releases: readonly JournaledRelease[];
  readonly pipelines: readonly JournaledPipeline[];
  /** Whether the record says that the schema was worked in. */
  readonly dropped: boolean;
}

async function storedReleases(
  { server }: PlatformPlan,
  { environment, planned: served }: PlannedDeployment,
  schema: string,
): Promise<StoredState> {
  try {
    return await withClient(server, platformDatabase, async (client) => {
      const elsewhere = await runElsewhere(client, environment);
      const byApps = await usedByApps(client, environment, served);
      const releases = await readReleases(client);
      return {
        releases: releases.map((release) => ({
          ...release,
          references: [elsewhere, byApps].flatMap((each) => each.get(release.schema) ?? []),
        })),
        dropped: await wasWorkedIn(client, environment, schema),
        pipelines: await readPipelines(client).catch((error: unknown) => {
          // As below: a version before pipelines.
          if (sqlState(error) === "42P01") return [];
          throw error;
        }),
      };
    });
  } catch (error) {
    // A database of a version of Menagerie before states: there are none.
    if (sqlState(error) === "42P01") return { releases: [], pipelines: [], dropped: false };
    throw error;
  }
}

/** Views lead to the table itself, so that a chain of them needs no release in between. */
function seededTable(
  name: string,
  { seed = "copy", columns }: Partial<Pick<StateTable, "seed" | "columns">> = {},
  previous: JournaledRelease | undefined,
): StateTable {
  const before = seed === "empty" ? undefined : previous?.tables.find((table) => table.name === name);
  if (!before || !previous) return { name, seed, from: null };
  const from = isOwnTable(before) ? previous.schema : before.from;
  return { name, seed, from, ...(columns === undefined ? {} : { columns }) };
}

function plannedOf({ tag, schema, seededFrom, declared, tables, files }: JournaledRelease): PlannedState {
  const { views, sequences } = declaredRelations(files.map(({ sql }) => sql).join("\n;\n"));
  return { tag, schema, seedFrom: seededFrom, declared, tables, views, ...(sequences ? { sequences: true } : {}) };
}

/** As the last `up` left it. A release that it did not know is shown as one that is seeded from the last. */
function withoutDatabase(
  tag: string,
  known: NonNullable<LastOutputs["states"]>,
): Omit<StatePlan, "environment" | "pipelines"> {
  const states = Object.entries(known).map(([name, state]) => ({ ...state, tag: name }));
  const own = states.find((state) => state.tag === tag);
  const last = states.find((state) => state.current) ?? states[0];
  const current = own ?? {
    tag,
    schema: stateSchemaName(tag),
    declared: "",
    views: [],
    tables: [],
    seedFrom: last?.schema ?? null,
  };
  return {
    current,
    kept: states.filter((state) => state.tag !== tag),
    retired: [],
    lost: [],
    heldBy: new Map(),
    description: "not checked",
  };
}

function describe(own: JournaledRelease | undefined, previous: JournaledRelease | undefined): string {
  if (own?.ready) return "ready";
  return `${own ? "to be finished" : "new"}, ${previous ? `seeded from ${previous.tag}` : "begins empty"}`;
}
