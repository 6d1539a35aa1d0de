import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { Command } from "commander";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { observeStandings } from "../../adapters/kubernetes/observeServed.ts";
import { readPools } from "../../adapters/kubernetes/readPools.ts";
import { isApiError, request } from "../../adapters/kubernetes/request.ts";
import { readLastMinute } from "../../adapters/postgres/traffic/lastMinute.ts";
import { describePools, type PoolUse } from "../../domain/capacity/poolUse.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { type ModelState, modelStateOf } from "../../domain/serving/modelState.ts";
import { declaredServing, type Standing } from "../../domain/serving/standing.ts";
import {
  describeTraffic,
  type LastMinute,
  type ModelTraffic,
  type OtherTraffic,
  otherTraffic,
  trafficOf,
} from "../../domain/traffic/lastMinute.ts";
import { describeMigration, type ShownMigration } from "../../domain/zoo/shownStanding.ts";
import { type EnvironmentCondition, environmentCondition, environmentStatus } from "../../local/environment.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import type { LeftOut } from "../../local/mesh/heedRejections.ts";
import { observeRejections } from "../../local/mesh/observeRejections.ts";
import { readStackResources } from "../../local/stackOutputs.ts";
import type { SupervisorStatus } from "../../local/supervisor/supervisor.ts";
import type { EngineTarget } from "../../local/target.ts";
import { developmentClient } from "../apiAccess.ts";
import { deployedConsole } from "../deployedConsole.ts";
import { type AskedAt, askedAt, shownAddress } from "../exampleCall.ts";
import { type DeployedModel, readModels } from "../models.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, environmentSuffix, jsonOption, knownEnvironment } from "../options.ts";
import { type UnstoredVersion, unstoredVersions } from "../unstoredImages.ts";
import { declaredTarget } from "./rollout/declaredTarget.ts";
import { migrationsOf, readMigrations } from "./rollout/journaled.ts";

/** One model of `menagerie status --json`. Parts that do not exist yet are null. */
interface ModelStatus extends Omit<DeployedModel, "service" | "truss" | "url">, AskedAt, ModelState {
  /** Hash of what a development version runs. */
  readonly runningHash: string | null;
  readonly ready: boolean;
  /** Requests of the last minute; null where the counts cannot be read, or it has no version. */
  readonly traffic: ModelTraffic | null;
}

interface HeldMigration extends ShownMigration {
  /** File that names the table of apps; null for the platform's own. */
  readonly target: string | null;
}

interface Status {
  readonly stack: string;
  readonly running: boolean;
  /** `starting` also while the parts come back after a failure. */
  readonly condition: EnvironmentCondition;
  readonly gateway: string;
  readonly api: string | null;
  /** Null where the stack declares none. */
  readonly console: string | null;
  readonly kubeconfig: string;
  readonly database: string | null;
  readonly models: readonly ModelStatus[];
  /** The GPUs of each pool, and which models use them or wait for them; empty where the cluster cannot be asked. */
  readonly pools: readonly PoolUse[];
  /** Versions that were asked in the last minute and that no model above is. */
  readonly otherTraffic: readonly OtherTraffic[];
  /** Migrations of apps that `menagerie rollout pause` holds. */
  readonly held: readonly HeldMigration[];
  /** Versions whose images the environment's store has lost. */
  readonly unstored: readonly UnstoredVersion[];
  /** Tables that Envoy refuses: until they are mended, it follows no change of any object behind them. */
  readonly refusedTables: readonly RefusedTable[];
  /** Objects that the gateway goes on without, because Envoy refuses what Istio makes of them. */
  readonly leftOut: readonly LeftOut[];
  readonly parts: SupervisorStatus["parts"];
}

interface RefusedTable {
  /** Such as `RouteConfiguration`. */
  readonly table: string;
  readonly reason: string;
  /** `kind namespace/name` of the object that changed last before; null where none is known. */
  readonly suspect: string | null;
}

export function statusCommand(): Command {
  return new Command("status")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: { environment: string; json: boolean }) => {
      const status = await readEnvironment(options.environment);
      console.log(options.json ? JSON.stringify(status, null, 2) : describe(options.environment, status));
    });
}

async function readEnvironment(environment: string): Promise<Status> {
  const { layout, target } = await knownEnvironment(environment);
  const config = kubeConfigOf(target.kubeconfig);
  const [supervisor, declared] = await Promise.all([environmentStatus(layout), readModels(layout)]);
  const condition =
    target.kind === "embedded" ? await environmentCondition(layout) : (await answers(config)) ? "up" : "down";
  const running = condition === "up";
  const [versions, standings, held, unstored, refusedTables, minute, pools] = await Promise.all([
    developmentStatuses(target, running ? declared : []),
    running ? standingsOf(layout, config) : [],
    running ? heldMigrations(environment) : [],
    running && target.kind === "embedded" ? unstoredVersions(environment, layout.images).catch(() => []) : [],
    running && target.kind === "embedded" ? refusedByEnvoy(layout, config) : [],
    running ? lastMinute(environment) : undefined,
    running ? poolsOf(config, declared) : [],
  ]);
  const asked = await Promise.all(declared.map(({ url, truss }) => askedAt(url, join(projectFolder, truss))));
  const models = declared.map(({ service, truss: _truss, url, ...model }, place) => {
    const { state, because } = running
      ? modelStateOf(standings, model.namespace, service)
      : { state: "down" as const, because: "the environment is not up" };
    const runningHash = versions.get(model.name)?.runningHash ?? null;
    const traffic = minute && model.versionId !== null ? trafficOf(minute, model.versionId) : null;
    const addresses = asked[place] ?? { url, chatUrl: null };
    return { ...model, ...addresses, runningHash, ready: state === "ready", state, because, traffic };
  });
  return {
    stack: "local",
    running,
    condition,
    gateway: target.gatewayUrl,
    api: target.apiUrl,
    console: await deployedConsole(layout, target),
    kubeconfig: target.kubeconfig,
    database: target.database,
    models,
    pools,
    otherTraffic: minute ? otherTraffic(minute, models) : [],
    held,
    unstored,
    refusedTables,
    leftOut: supervisor?.leftOut ?? [],
    parts: supervisor?.parts ?? [],
  };
}

/** What development versions run, by model, as far as the API service can say. */
async function developmentStatuses(
  target: EngineTarget,
  models: readonly DeployedModel[],
): Promise<ReadonlyMap<string, DevelopmentStatus | undefined>> {
  const versions = models.flatMap(({ name, kind, versionId }) =>
    kind === "development" && versionId !== null ? [{ name, versionId }] : [],
  );
  if (versions.length === 0 || target.apiUrl === null) return new Map();
  try {
    const client = await developmentClient(target);
    const signal = AbortSignal.timeout(5_000);
    const asked = versions.map(async ({ name, versionId }) => {
      return [name, await client.status(versionId, signal).catch(() => undefined)] as const;
    });
    return new Map(await Promise.all(asked));
  } catch {
    // Without a key for the service everything else can still be told.
    return new Map();
  }
}

async function answers(config: KubeConfig): Promise<boolean> {
  return request(config, "GET", "/readyz", { signal: AbortSignal.timeout(5_000) }).then(
    () => true,
    () => false,
  );
}

async function standingsOf(layout: EnvironmentLayout, config: KubeConfig): Promise<Standing[]> {
  const served = declaredServing(await readStackResources(layout));
  try {
    return await observeStandings(config, served, AbortSignal.timeout(10_000));
  } catch (error) {
    // Refused is the operator's to know; everything else means that nothing is known of them now.
    if (isApiError(error, 401) || isApiError(error, 403)) throw error;
    return [];
  }
}

/** None where they cannot be read: everything else can still be told. */
function poolsOf(config: KubeConfig, models: readonly DeployedModel[]): Promise<PoolUse[]> {
  const namespaces = [...new Set(models.map(({ namespace }) => namespace))];
  return readPools(config, namespaces, AbortSignal.timeout(10_000)).catch(() => []);
}

/** None where there is no database, or none that answers: everything else can still be told. */
async function heldMigrations(environment: string): Promise<HeldMigration[]> {
  const own = await readMigrations(environment).catch(() => []);
  const target = await declaredTarget({ environment }).catch(() => undefined);
  const there = target?.connection ? await migrationsOf(target.connection).catch(() => []) : [];
  return [
    ...own.map((each) => ({ ...each, target: null })),
    ...there.map((each) => ({ ...each, target: target?.file ?? null })),
  ].filter(({ held }) => held);
}

/** Undefined where there is no database, or none that answers: everything else can still be told. */
async function lastMinute(environment: string): Promise<LastMinute | undefined> {
  try {
    return await asOperator(environment, (client) => readLastMinute(client, Date.now()));
  } catch {
    return undefined;
  }
}

/** None where Envoy or its log cannot be read: everything else can still be told. */
async function refusedByEnvoy(layout: EnvironmentLayout, config: KubeConfig): Promise<RefusedTable[]> {
  const rejections = await observeRejections(layout, config).catch(() => []);
  return rejections.map(({ table, reason, suspect }) => ({
    table,
    reason,
    suspect: suspect ? `${suspect.kind} ${suspect.namespace}/${suspect.name}` : null,
  }));
}

/** The declared content, and what a development version runs instead where clients are ahead of it. */
function contentOf({ hash, runningHash }: ModelStatus): string {
  const declared = hash.slice(0, 12);
  return runningHash === null || runningHash === hash ? declared : `${declared} (runs ${runningHash.slice(0, 12)})`;
}

const sentences: Readonly<Record<EnvironmentCondition, string>> = {
  up: "up",
  starting: "starting: some of its parts are not there yet",
  down: "down",
};

function describe(environment: string, status: Status): string {
  const suffix = environmentSuffix(environment);
  const lines: string[] = [
    `Environment "${environment}" is ${sentences[status.condition]}.`,
    `  gateway     ${status.gateway}`,
    ...(status.console === null ? [] : [`  console     ${status.console}`]),
    `  kubeconfig  ${status.kubeconfig}`,
    ...(status.database === null ? [] : [`  database    ${status.database}`]),
  ];
  if (status.models.length > 0) {
    const width = Math.max(...status.models.map((model) => model.name.length));
    lines.push("", "Models:");
    for (const model of status.models) {
      lines.push(
        `  ${model.name.padEnd(width)}  ${model.state.padEnd(9)}  ${contentOf(model)}  ${shownAddress(model)}`,
      );
      if (model.recorded) lines.push(`  ${" ".repeat(width)}  its requests are recorded`);
      if (model.because !== null && status.running) lines.push(`  ${" ".repeat(width)}  ${model.because}`);
      for (const line of describeTraffic(model.traffic, model.kind)) lines.push(`  ${" ".repeat(width)}  ${line}`);
    }
  }
  if (status.pools.length > 0) lines.push("", "Pools:", ...describePools(status.pools).map((line) => `  ${line}`));
  if (status.otherTraffic.length > 0) {
    lines.push("", "Other versions that are asked:");
    for (const { model, version, traffic } of status.otherTraffic)
      lines.push(...describeTraffic(traffic, "other").map((line) => `  ${model} version ${version}  ${line}`));
  }
  if (status.held.length > 0) {
    lines.push(
      "",
      "Migrations on hold:",
      ...status.held.map(
        (each) => `  ${each.name}: ${describeMigration(each, { suffix, targetFile: each.target ?? undefined })}`,
      ),
    );
  }
  if (status.unstored.length > 0) {
    lines.push(
      "",
      "Images that are not stored any more, so that no pod can start from them; a preview says what to do:",
    );
    for (const { model, version, image, users } of status.unstored) {
      lines.push(`  ${model} version ${version}: ${users}`, `    ${image}`);
    }
  }
  if (status.refusedTables.length > 0) {
    lines.push("", "The gateway follows no changes, because Envoy refuses what Istio makes of an object:");
    for (const { reason, suspect } of status.refusedTables) {
      lines.push(
        `  ${suspect ?? "an object"}: ${reason}`,
        "  Correct or delete that object; the gateway then follows all changes again.",
      );
    }
  }
  if (status.leftOut.length > 0) {
    lines.push(
      "",
      "Left out by the gateway, because Envoy refuses what Istio makes of it, until it is corrected:",
      ...status.leftOut.map(({ object, reason }) => `  ${object}: ${reason}`),
    );
  }
  const troubled = status.parts.filter((part) => part.state !== "ready" || part.restarts > 0);
  if (troubled.length > 0) {
    lines.push("", "Parts that are not ready or were restarted:");
    for (const part of troubled) {
      lines.push(`  ${part.name}: ${part.state}, ${part.restarts} restarts, last exit: ${part.lastExit ?? "none"}`);
    }
  }
  return lines.join("\n");
}
