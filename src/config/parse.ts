import { primaryHost } from "../domain/postgresCluster.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { usualIdleMinutes } from "../domain/serving/scaleTarget.ts";
import { crossKeyIssues } from "./crossRules.ts";
import { setPasswordCommand } from "./database.ts";
import { embeddedIssues } from "./embeddedRules.ts";
import {
  type DevelopmentSpec,
  type EnvironmentSpec,
  environmentSchema,
  type ParsedEnvironment,
  type ShadowDeploymentSpec,
  type ShadowedModelSpec,
  type ZooEntrySpec,
} from "./environment.ts";
import { setGuardUrlCommand, setTargetUrlCommand } from "./migrationTarget.ts";
import { plainSecretIssues } from "./plainSecrets.ts";
import { setPrometheusTokenCommand } from "./prometheus.ts";
import { setSecretCommand } from "./secrets.ts";
import { keyPath, schemaRefusals } from "./sentences.ts";
import { validSubset } from "./validSubset.ts";

/** What may stand in for keys that a stack leaves out. */
export interface EnvironmentDefaults {
  /** Gateway address of the local environment, from `MENAGERIE_GATEWAY_URL`; the config wins. */
  readonly gatewayUrl?: string | undefined;
  /** Address of the API service, from `MENAGERIE_API_URL`; the config wins. */
  readonly apiUrl?: string | undefined;
  /** `<host>:<port>` of the local environment's PostgreSQL, from `MENAGERIE_DATABASE_ADDRESS`; the config wins. */
  readonly databaseAddress?: string | undefined;
  /** Whether the stack runs in an embedded environment. @default false */
  readonly embedded?: boolean | undefined;
  /** Whether it is what one program declares, and another one may have the platform's services. @default false */
  readonly isPart?: boolean | undefined;
  /** Keys that the engine holds encrypted, with their prefix; undefined where nobody knows. */
  readonly secretKeys?: readonly string[] | undefined;
  /** `config:` of the stack's file, with `{secure: …}` for what is encrypted; undefined where it cannot be read. */
  readonly stackFile?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Checks a stack's config, `raw` being its keys without the `menagerie:` prefix, and fills in the defaults.
 * Throws one `OperatorError` whose message has a line per mistake: the key, the value, what to change.
 * Rules between keys are checked on whatever is right by itself.
 */
export function parseEnvironment(raw: unknown, defaults: EnvironmentDefaults = {}): EnvironmentSpec {
  const result = environmentSchema.safeParse(raw, { reportInput: true });
  const inTheFile = defaults.stackFile === undefined ? [] : plainSecretIssues(defaults.stackFile);
  if (!result.success) {
    const { issues } = result.error;
    const rest = environmentSchema.safeParse(validSubset(raw, issues));
    const between = rest.success ? rulesBetween(withGuard(rest.data), defaults) : [];
    const wrong = new Set(issues.map(({ path }) => path[0]));
    const missing = rest.success
      ? missingKeys(rest.data, defaults).filter(({ from }) => !from.some((key) => wrong.has(key)))
      : [];
    throw refused(
      distinct([...missing.map(({ issue }) => issue), ...schemaRefusals(issues), ...between, ...inTheFile]),
    );
  }
  // A secret does not travel as a plain value.
  const { databasePassword: _, ...declared } = result.data;
  const parsed = {
    ...withGuard(declared),
    migrationTarget: tableOf(declared.migrationTarget),
    prometheus: prometheusOf(declared.prometheus),
  };
  const url = parsed.gateway.url ?? defaults.gatewayUrl;
  const missing = missingKeys(result.data, defaults).map(({ issue }) => issue);
  const issues = [...missing, ...rulesBetween(parsed, defaults), ...inTheFile];
  // The file tells each value from its neighbours; the engine's word is for what it does not hold.
  if (inTheFile.length === 0) issues.push(...plainKeys(result.data, defaults.secretKeys));
  const database = databaseOf(parsed, defaults);
  if (issues.length > 0 || !url) throw refused(issues);
  return {
    ...parsed,
    secrets: Object.keys(parsed.secrets),
    gateway: { ...parsed.gateway, url, checksKeys: parsed.mesh?.keyCheck !== undefined },
    services: {
      ...parsed.services,
      apiUrl: parsed.services.apiUrl ?? defaults.apiUrl ?? url,
      declaredApiUrl: parsed.services.apiUrl ?? (defaults.apiUrl ? undefined : parsed.gateway.url),
    },
    database,
    zoo: Object.fromEntries(Object.entries(parsed.zoo).map(([name, entry]) => [name, complete(entry, parsed)])),
    development: Object.fromEntries(
      Object.entries(parsed.development).map(([name, version]) => [name, completeDevelopment(version, parsed)]),
    ),
    shadows: Object.fromEntries(
      Object.entries(parsed.shadows).map(([name, deployment]) => [name, completeShadows(deployment, parsed)]),
    ),
  };
}

/** One of each sentence. */
function distinct(issues: readonly Refusal[]): Refusal[] {
  return [...new Map(issues.map((each) => [each.message, each])).values()];
}

function rulesBetween(
  parsed: Parameters<typeof crossKeyIssues>[0],
  { embedded, isPart }: EnvironmentDefaults,
): Refusal[] {
  const issues = [...crossKeyIssues(parsed), ...(embedded ? embeddedIssues(parsed) : [])];
  return isPart ? issues.filter(({ id }) => id !== "services.image-missing") : issues;
}

/** Keys that a stack needs by what else it declares and where it runs, and the keys `from` which that follows. */
function missingKeys(
  parsed: Pick<ParsedEnvironment, "gateway" | "nodeClass" | "zoo" | "development" | "shadows" | "state"> & DatabaseKeys,
  defaults: EnvironmentDefaults,
): { readonly issue: Refusal; readonly from: readonly PropertyKey[] }[] {
  const missing: { issue: Refusal; from: PropertyKey[] }[] = [];
  if (!(parsed.gateway.url ?? defaults.gatewayUrl)) {
    missing.push({ issue: refusal("gateway.url-missing", keyPath(["gateway", "url"])), from: ["gateway"] });
  }
  // The embedded environment has one, whose address may not be known yet: what is planned for it asks again.
  if (databaseOf(parsed, defaults) || parsed.nodeClass === "local") return missing;
  const from = ["database", "postgresCluster", "nodeClass"];
  const need = (key: keyof typeof kept) => missing.push({ issue: needsDatabase(key, parsed.nodeClass), from });
  if (Object.keys(parsed.development).length > 0) need("development");
  if (Object.keys(parsed.shadows).length > 0) need("shadows");
  if (parsed.state) need("state");
  for (const [name, { recording, judge }] of Object.entries(parsed.zoo)) {
    if (recording) missing.push({ issue: recordingNeedsDatabase(name, parsed.nodeClass), from });
    if (judge) missing.push({ issue: judgeNeedsDatabase(name, parsed.nodeClass), from });
  }
  return missing;
}

type DatabaseKeys = Pick<ParsedEnvironment, "database" | "postgresCluster">;

/**
 * The platform's database by a config that was not checked, keys with their prefix: undefined where it has none, or is wrong.
 * @param databaseAddress - as `EnvironmentDefaults` has it
 */
export function databaseIn(
  config: Readonly<Record<string, unknown>>,
  databaseAddress: string | undefined,
): EnvironmentSpec["database"] {
  const given = { database: config[keyPath(["database"])], postgresCluster: config[keyPath(["postgresCluster"])] };
  const parsed = environmentSchema.pick({ database: true, postgresCluster: true }).safeParse(given);
  return parsed.success ? databaseOf(parsed.data, { databaseAddress }) : undefined;
}

function databaseOf(parsed: DatabaseKeys, { databaseAddress }: EnvironmentDefaults): EnvironmentSpec["database"] {
  return parsed.database ?? clusterDatabase(parsed.postgresCluster) ?? localDatabase(databaseAddress);
}

/** Keys that the engine holds as they are, though they are secrets. */
function plainKeys(
  { secrets, migrationTarget, databasePassword, prometheus }: ParsedEnvironment,
  secretKeys: readonly string[] | undefined,
): Refusal[] {
  if (!secretKeys) return [];
  const isPlain = (key: string): boolean => !secretKeys.includes(keyPath([key]));
  const issues: Refusal[] = [];
  if (Object.keys(secrets).length > 0 && isPlain("secrets")) {
    const change = `remove them from the file, and set each with \`${setSecretCommand()}\``;
    issues.push(refusal("secret.in-the-clear", keyPath(["secrets"]), { what: "values", change }));
  }
  const urls = { databaseUrl: setTargetUrlCommand, guardUrl: setGuardUrlCommand } as const;
  for (const key of ["databaseUrl", "guardUrl"] as const) {
    if (migrationTarget?.[key] === undefined || !isPlain("migrationTarget")) continue;
    const change = `remove it from the file, and set it with \`${urls[key]}\``;
    issues.push(refusal("secret.in-the-clear", keyPath(["migrationTarget", key]), { what: "a password", change }));
  }
  if (prometheus?.bearerToken !== undefined && isPlain("prometheus")) {
    const change = `remove it from the file, and set it with \`${setPrometheusTokenCommand}\``;
    issues.push(refusal("secret.in-the-clear", keyPath(["prometheus", "bearerToken"]), { what: "its value", change }));
  }
  if (databasePassword !== undefined && isPlain("databasePassword")) {
    const change = `remove it from the file, and set it with \`${setPasswordCommand}\``;
    issues.push(refusal("secret.in-the-clear", keyPath(["databasePassword"]), { what: "its value", change }));
  }
  return issues;
}

/** What keeps its data in the platform's database, and how a sentence about it begins. */
const kept = {
  development: "its patches are",
  shadows: "predictions are",
  state: "it is",
  judge: "verdicts are",
} as const;

/** Why a key cannot be there without a database, and what to do about it on the stack's class of nodes. */
export function needsDatabase(key: keyof typeof kept, nodeClass: EnvironmentSpec["nodeClass"]): Refusal {
  return missingDatabase(keyPath([key]), kept[key], nodeClass);
}

/** The same of a zoo model's recording. */
export function recordingNeedsDatabase(model: string, nodeClass: EnvironmentSpec["nodeClass"]): Refusal {
  return missingDatabase(keyPath(["zoo", model, "recording"]), kept.shadows, nodeClass);
}

/** The same of a zoo model's judge. */
export function judgeNeedsDatabase(model: string, nodeClass: EnvironmentSpec["nodeClass"]): Refusal {
  return missingDatabase(keyPath(["zoo", model, "judge"]), kept.judge, nodeClass);
}

function missingDatabase(at: string, what: string, nodeClass: EnvironmentSpec["nodeClass"]): Refusal {
  const set =
    nodeClass === "local"
      ? "set MENAGERIE_DATABASE_URL and MENAGERIE_DATABASE_ADDRESS (host:port, as pods reach it)"
      : `set ${keyPath(["database"])}`;
  return refusal("database.needed", at, { kept: what, set });
}

function prometheusOf(given: ParsedEnvironment["prometheus"]): EnvironmentSpec["prometheus"] {
  return given && { url: given.url, hasToken: given.bearerToken !== undefined };
}

/** Whether the guard has a login in the database of apps. */
function withGuard<T extends Pick<ParsedEnvironment, "migrationTarget">>(parsed: T) {
  return { ...parsed, guardsTarget: parsed.migrationTarget?.guardUrl !== undefined };
}

function tableOf(target: ParsedEnvironment["migrationTarget"]): EnvironmentSpec["migrationTarget"] {
  if (!target) return undefined;
  const { databaseUrl: _, guardUrl: __, ...table } = target;
  return table;
}

/** The operator gives its PostgreSQL a certificate of an authority of its own, which nobody here knows. */
function clusterDatabase(cluster: ParsedEnvironment["postgresCluster"]): EnvironmentSpec["database"] {
  return cluster && { host: primaryHost(cluster), port: 5432, adminUser: cluster.adminUser, sslMode: "require" };
}

/** The local environment's PostgreSQL has a network of its own, and no certificates. */
function localDatabase(address: string | undefined): EnvironmentSpec["database"] {
  const match = /^(.+):(\d+)$/.exec(address ?? "");
  if (!match?.[1]) return undefined;
  return { host: match[1], port: Number(match[2]), adminUser: "postgres", sslMode: "disable" };
}

/** Fills in the defaults of one model that depend on other keys. */
function complete(entry: ParsedEnvironment["zoo"][string], environment: ParsedEnvironment): ZooEntrySpec {
  const where = placed(entry, environment);
  return { ...entry, ...where, replicas: podsOf(entry, where.mode) };
}

function completeDevelopment(
  version: ParsedEnvironment["development"][string],
  environment: ParsedEnvironment,
): DevelopmentSpec {
  return { ...version, ...placed(version, environment) };
}

function completeShadows(
  deployment: ParsedEnvironment["shadows"][string],
  environment: ParsedEnvironment,
): ShadowDeploymentSpec {
  const complete = (model: ParsedEnvironment["shadows"][string]["primary"]): ShadowedModelSpec => ({
    ...model,
    ...placed(model, environment),
    replicas: podsOf(model, model.mode ?? environment.serving.mode),
  });
  const shadows = Object.entries(deployment.shadows).map(([name, model]) => [
    name,
    complete({ ...model, mode: "Standard" }),
  ]);
  return { ...deployment, primary: complete(deployment.primary), shadows: Object.fromEntries(shadows) };
}

function podsOf(
  { replicas: { min, max, target, idleMinutes } }: Pick<ParsedEnvironment["zoo"][string], "replicas">,
  mode: ZooEntrySpec["mode"],
) {
  const idle = idleMinutes ?? (min === 0 && mode === "Standard" ? usualIdleMinutes : undefined);
  const pods = { min, max: max ?? Math.max(min, 1), ...(target ? { target } : {}) };
  return idle === undefined ? pods : { ...pods, idleMinutes: idle };
}

function placed(
  model: Pick<ParsedEnvironment["zoo"][string], "truss" | "mode" | "pool" | "resources">,
  { serving, pools }: ParsedEnvironment,
) {
  return {
    truss: model.truss.replace(/\/+$/, ""),
    mode: model.mode ?? serving.mode,
    resources: { ...model.resources, gpus: model.resources.gpus ?? (pools[model.pool] ? 1 : 0) },
  };
}
