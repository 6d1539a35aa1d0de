import { isMapping } from "../mapping.ts";
import type { DeployedModel } from "./observed.ts";
import { refuse } from "./refusals.ts";

/** A stack's config as plain values, keys without their prefix. */
export type StackConfig = Readonly<Record<string, unknown>>;

/** A deployment whose content a config is to say again. */
export interface RestoredRelease {
  readonly tag: string;
  /** Version of the code. */
  readonly code: string;
  readonly models: readonly DeployedModel[];
  /** The config that it was made from, without its secrets. */
  readonly config: StackConfig;
}

/**
 * Keys that say where an environment is and how it is reached, and switches that are set by hand: they are of today, whatever
 * release is served.
 */
export const keptKeys: ReadonlySet<string> = new Set([
  ...["namespace", "kubeContext", "nodeClass", "gateway", "mesh", "networkPolicies", "services", "builds", "mlflow"],
  ...["database", "databasePassword", "postgresCluster", "previewDatabase", "migrationTarget", "prometheus"],
  ...["secrets", "adminSecrets", "development"],
  ...["dynamicSettings", "ratelimitEnabled", "modelZooDeploymentAutomationEnabled"],
]);

/**
 * The config that serves a recorded release again: its own, with the content of each model pinned by its hash, so that `up`
 * switches to images that are there, and without rollouts, which would move apps a second time. What says where the
 * environment is stays as it is now.
 * @throws OperatorError when the record does not hold what is needed.
 */
export function restoredConfig(current: StackConfig, release: RestoredRelease): StackConfig {
  const { config, models, code, tag } = release;
  if (!isMapping(config.zoo ?? {}) || (models.length > 0 && Object.keys(config).length === 0)) {
    throw refuse("release.config-not-recorded", { tag });
  }
  const kept = Object.entries(current).filter(([key]) => keptKeys.has(key));
  const restored = Object.entries(config).filter(([key]) => !keptKeys.has(key));
  const named = pinnedModels(models, mapping(config.models));
  return {
    ...Object.fromEntries([...kept, ...restored]),
    zoo: Object.fromEntries(
      Object.entries(mapping(config.zoo)).map(([name, entry]) => [
        name,
        directEntry(mapping(entry), hashOf(models, name)),
      ]),
    ),
    versioning: { ...mapping(config.versioning), code },
    // Its state as it is, whatever the SQL files say today.
    ...(isMapping(config.state) ? { state: { release: tag, ...config.state } } : {}),
    ...(Object.keys(named).length > 0 ? { models: named } : {}),
  };
}

/**
 * The config of environment `to` with the combination that `from` was verified with: every content pinned by its hash, and
 * the versions of code and models said. Pools, replicas and everything else stay those of the environment.
 */
export function promotedConfig(
  current: StackConfig,
  release: RestoredRelease & { readonly environment: string },
): { readonly config: StackConfig; readonly notes: readonly string[] } {
  const { models, code, tag, environment } = release;
  const zoo: Record<string, unknown> = { ...mapping(current.zoo) };
  const notes: string[] = [];
  const served = models.filter(({ service, name }) => service !== null && isMapping(mapping(release.config.zoo)[name]));
  for (const { name, hash } of served) {
    const own = zoo[name];
    const theirs = mapping(mapping(release.config.zoo)[name]);
    if (own === undefined)
      notes.push(`${name}: is new here, on pool cpu with the default resources; set what it needs`);
    const entry = isMapping(own) ? own : { truss: theirs.truss, phase: "done" };
    if (entry.phase === "off") notes.push(`${name}: is off here and stays so`);
    zoo[name] = { ...entry, ...(hash === null ? {} : { hash }) };
  }
  for (const name of Object.keys(zoo)) {
    if (!served.some((model) => model.name === name))
      notes.push(`${name}: is not in ${tag}, so nobody verified it with it`);
  }
  const named = pinnedModels(models, mapping(release.config.models));
  const { candidate: _, ...versioning } = mapping(current.versioning);
  return {
    notes,
    config: {
      ...current,
      zoo,
      versioning: { ...versioning, code, promotedFrom: `${environment}/${tag}` },
      ...(Object.keys(named).length > 0 ? { models: { ...mapping(current.models), ...named } } : {}),
    },
  };
}

/** Keys that a promotion writes. */
export const promotedKeys: ReadonlySet<string> = new Set(["zoo", "versioning", "models"]);

/** Without the keys that belong to one rollout. */
function directEntry(entry: Record<string, unknown>, hash: string | null): Record<string, unknown> {
  const {
    from: _,
    apps: _apps,
    share: _share,
    paused: _paused,
    revert: _revert,
    rowsPerSecond: _rows,
    ...rest
  } = entry;
  if (entry.phase === "off") return rest;
  return { ...rest, phase: "done", ...(hash === null ? {} : { hash }) };
}

function hashOf(models: readonly DeployedModel[], name: string): string | null {
  return models.find((model) => model.name === name)?.hash ?? null;
}

/** Models by their number, not by an alias that may name another one today. */
function pinnedModels(models: readonly DeployedModel[], declared: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(declared).flatMap((name) => {
      const model = models.find((each) => each.name === name);
      if (!model) return [];
      const registered = /^models:\/(.+)\/\d+$/.exec(model.source)?.[1];
      return [
        [name, registered ? { mlflow: { model: registered, version: model.version } } : { version: model.version }],
      ];
    }),
  );
}

/** One change of a config: a value at a path, or nothing there any more. */
export interface ConfigEdit {
  readonly path: readonly string[];
  readonly from: unknown;
  /** Undefined where the key goes. */
  readonly to: unknown;
}

/** The smallest changes that make `before` say what `after` does; lists and scalars are changed as a whole. */
export function configEdits(before: StackConfig, after: StackConfig, path: readonly string[] = []): ConfigEdit[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key): ConfigEdit[] => {
    const [from, to] = [before[key], after[key]];
    if (isMapping(from) && isMapping(to)) return configEdits(from, to, [...path, key]);
    // At the top the engine hands every scalar on as text.
    if (same(from, to) || (path.length === 0 && isScalar(from) && isScalar(to) && String(from) === String(to)))
      return [];
    return [{ path: [...path, key], from, to }];
  });
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function mapping(value: unknown): Record<string, unknown> {
  return isMapping(value) ? value : {};
}
