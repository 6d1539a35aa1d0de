import { findVersion, type MlflowServer } from "../adapters/mlflow/registry.ts";
import { isLastAttemptComplete, readRecordedReleases } from "../adapters/postgres/releases.ts";
import { sqlState, withClient } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { type Combination, combinationDigest, type ReleaseModel } from "../domain/release/combination.ts";
import type { DeployedModel } from "../domain/release/observed.ts";
import { declaredBase, planRelease, type RecordedReleases } from "../domain/release/plan.ts";
import type { DeploymentIntent } from "../domain/release/record.ts";
import { parseTag } from "../domain/release/tag.ts";
import type { PlanBasis } from "../domain/zoo/plan.ts";
import type { LastOutputs, PlatformPlan } from "./platform.ts";
import type { ServedPlan, ZooModelPlan } from "./zooModel.ts";

/** The release that an `up` makes, and what it was planned from. */
export interface PlannedRelease {
  readonly intent: DeploymentIntent;
  readonly basis: PlanBasis;
  /** Whether the record holds the combination already. */
  readonly recorded: boolean;
  /**
   * Set where the last attempt did not come to its end, so that this one is recorded too, though it has the same intent: it goes
   * on changing what is served.
   * @default the intent is recorded where it is another one than the last
   */
  readonly due?: true | undefined;
  /** Set where the run is about some of the stack's resources only: it does not write the record. @default false */
  readonly isPartial?: true | undefined;
}

/** What a release is planned from, beside the stack's config and its plan. */
export interface ReleaseSources {
  /** Name of the stack. */
  readonly environment: string;
  /** The stack's config without its secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Last git tag of the code, such as `v1.2.3`. Asked only where the config says no version. */
  readonly lastVersionTag: () => Promise<string | undefined>;
  readonly mlflow: MlflowServer | undefined;
  /** Whether the run is about some of the stack's resources only. @default false */
  readonly isPartial?: boolean;
  /** Asked only when the database was not. */
  readonly lastOutputs: () => Promise<LastOutputs>;
}

type ReleaseSpec = Pick<EnvironmentSpec, "versioning" | "models">;

/**
 * Plans the tag of what an `up` deploys, by a read-only query; undefined for a stack without a database.
 * @throws OperatorError when MLflow does not answer or has no such version, or the tag stands for something else.
 */
export async function planEnvironmentRelease(
  spec: ReleaseSpec,
  platform: PlatformPlan | undefined,
  zoo: ReadonlyMap<string, ZooModelPlan>,
  sources: ReleaseSources,
): Promise<PlannedRelease | undefined> {
  if (!platform) return undefined;
  const { scheme, candidate, promotedFrom } = spec.versioning;
  const served = servedContents(zoo);
  const answering = served.filter(({ model }) => zoo.has(model));
  const code = spec.versioning.code ?? (await sources.lastVersionTag())?.slice(1) ?? "0.0.0";
  const named = await namedModels(spec, sources.mlflow);
  const models = releaseModels(answering, named);
  const combination: Combination = { code, models };
  const read =
    platform.basis === "read" ? await readRecord(platform, sources.environment, spec, combination) : undefined;
  const record =
    read?.releases ??
    (platform.basis === "not checked"
      ? lastRelease(spec, combination, (await sources.lastOutputs()).release)
      : nothing);
  const { recorded, ...plan } = planRelease(scheme, combination, candidate, record);
  const intent: DeploymentIntent = {
    ...plan,
    environment: sources.environment,
    planned: plannedModels(models, served),
    stateSchema: null,
    config: JSON.stringify(sources.config),
    promotedFrom: promotedFrom ?? null,
  };
  const planned = { intent, recorded, basis: platform.basis };
  if (sources.isPartial) return { ...planned, isPartial: true };
  return { ...planned, due: read && !read.isComplete ? true : undefined };
}

/** What a run of the engine with targets says: whatever its targets take along, the record stays as the last whole `up` left it. */
export const partialRun =
  "a run with --target or --exclude does not write the record of releases; run `up` without it, so that `menagerie releases` and `restore` know what is deployed";

const nothing: RecordedReleases = { same: [], near: [] };

/** What the zoo's routes lead to: of each model the version that answers, and a copy while one is tried. */
function servedContents(zoo: ReadonlyMap<string, ZooModelPlan>): readonly ServedPlan[] {
  return [...zoo].flatMap(([name, { versions, target }]) => {
    const answering = versions.find(({ model }) => model === name);
    return [...(answering ? [answering] : []), ...(target && target.model !== name ? [target] : [])];
  });
}

/** A version that is not the zoo's own number. */
interface NamedVersion {
  readonly version: number;
  readonly source: string;
}

/** Versions that config or MLflow says, by name of the model. */
async function namedModels(
  { models }: ReleaseSpec,
  server: MlflowServer | undefined,
): Promise<Map<string, NamedVersion>> {
  const named = await Promise.all(
    Object.entries(models).map(async ([name, { version, mlflow }]): Promise<[string, NamedVersion]> => {
      if (!mlflow) return [name, { version: version ?? 0, source: "config" }];
      const key = keyPath(["models", name, "mlflow"]);
      if (!server) {
        throw refused(refusal("release.mlflow-server", key, { url: keyPath(["mlflow", "url"]) }));
      }
      const found = await findVersion(server, key, { ...mlflow, model: mlflow.model ?? name });
      return [name, { version: found.version, source: `models:/${found.model}/${found.version}` }];
    }),
  );
  return new Map(named);
}

function releaseModels(answering: readonly ServedPlan[], named: ReadonlyMap<string, NamedVersion>): ReleaseModel[] {
  const zoo = answering.map(({ model: name, number, hash }) => ({
    name,
    version: number,
    hash,
    source: "zoo",
    ...named.get(name),
  }));
  const others = [...named]
    .filter(([name]) => !zoo.some((model) => model.name === name))
    .map(([name, model]) => ({ name, hash: null, ...model }));
  return [...zoo, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The release's models with the services that answer for them, and what is tried beside them. */
function plannedModels(models: readonly ReleaseModel[], served: readonly ServedPlan[]): DeployedModel[] {
  const beside = served
    .filter(({ model }) => !models.some(({ name }) => name === model))
    .map(({ model: name, number: version, hash }) => ({ name, version, hash, source: "zoo" }));
  return [...models, ...beside].map((model) => ({
    ...model,
    digest: null,
    service: served.find((each) => each.model === model.name)?.service ?? null,
  }));
}

/** What the record holds; undefined where its tables are not made yet. */
async function readRecord(
  { server }: PlatformPlan,
  environment: string,
  { versioning }: ReleaseSpec,
  combination: Combination,
): Promise<{ readonly releases: RecordedReleases; readonly isComplete: boolean } | undefined> {
  try {
    return await withClient(server, platformDatabase, async (client) => ({
      releases: await readRecordedReleases(client, environment, {
        combinationDigest: combinationDigest(combination),
        base: declaredBase(versioning.scheme, combination),
      }),
      isComplete: await isLastAttemptComplete(client, environment),
    }));
  } catch (error) {
    if (sqlState(error) === "42P01") return undefined;
    throw error;
  }
}

/** Nobody was asked: the combination is taken for that of the last `up`, if its tag is one of the scheme. */
function lastRelease(
  { versioning: { scheme } }: ReleaseSpec,
  combination: Combination,
  tag: string | null | undefined,
): RecordedReleases {
  if (!tag) return nothing;
  try {
    const parsed = parseTag(scheme, tag);
    const number = parsed.shape === "numbered" ? parsed.number : null;
    const candidate = parsed.candidate ?? null;
    const base = candidate === null ? tag : tag.slice(0, tag.lastIndexOf("-rc."));
    return { same: [{ ...combination, tag, base, number, candidate }], near: [] };
  } catch {
    return nothing;
  }
}
