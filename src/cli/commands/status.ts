import { KubeConfig, type V1Deployment } from "@kubernetes/client-node";
import { Command } from "commander";
import { isApiError, request, requestJson } from "../../adapters/kubernetes/request.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { type EnvironmentCondition, environmentCondition, environmentStatus } from "../../local/environment.ts";
import type { SupervisorStatus } from "../../local/supervisor/supervisor.ts";
import type { EngineTarget } from "../../local/target.ts";
import { developmentClient } from "../apiAccess.ts";
import { type DeployedModel, readModels } from "../models.ts";
import { environmentOption, jsonOption, knownEnvironment } from "../options.ts";

/** One model of `menagerie status --json`. Parts that do not exist yet are null. */
interface ModelStatus extends Omit<DeployedModel, "service" | "truss"> {
  /** Hash of what a development version runs. */
  readonly runningHash: string | null;
  readonly ready: boolean;
  /** `stopped`: it has no pod now, and the next request starts one. */
  readonly state: "ready" | "not ready" | "stopped";
}

interface Status {
  readonly stack: string;
  readonly running: boolean;
  /** `starting` also while the parts come back after a failure. */
  readonly condition: EnvironmentCondition;
  readonly gateway: string;
  readonly api: string | null;
  readonly kubeconfig: string;
  readonly database: string | null;
  readonly models: readonly ModelStatus[];
  readonly parts: SupervisorStatus["parts"];
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
  const config = new KubeConfig();
  config.loadFromFile(target.kubeconfig);
  const [supervisor, declared] = await Promise.all([environmentStatus(layout), readModels(layout)]);
  const condition =
    target.kind === "embedded" ? await environmentCondition(layout) : (await answers(config)) ? "up" : "down";
  const running = condition === "up";
  const versions = await developmentStatuses(target, running ? declared : []);
  const models = await Promise.all(
    declared.map(async ({ service, truss: _truss, ...model }) => {
      const version = versions.get(model.name);
      const pods = running ? await podsOf(config, model.namespace, service) : "not ready";
      const isStopped = pods !== "ready" && version?.state === "stopped";
      const state: ModelStatus["state"] = isStopped ? "stopped" : pods;
      return { ...model, runningHash: version?.runningHash ?? null, ready: state === "ready", state };
    }),
  );
  return {
    stack: "local",
    ...{ running, condition },
    gateway: target.gatewayUrl,
    api: target.apiUrl,
    kubeconfig: target.kubeconfig,
    database: target.database,
    models,
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

/** Judged by pods: an InferenceService's own Ready condition can be true while nothing answers. */
async function podsOf(config: KubeConfig, namespace: string, service: string): Promise<ModelStatus["state"]> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${service}-predictor`;
  try {
    const { spec, status } = await requestJson<V1Deployment>(config, "GET", path);
    const wanted = spec?.replicas ?? 1;
    if (wanted === 0) return "stopped";
    return (status?.readyReplicas ?? 0) >= wanted ? "ready" : "not ready";
  } catch (error) {
    // Refused is the operator's to know; everything else means that it is not ready now.
    if (isApiError(error, 401) || isApiError(error, 403)) throw error;
    return "not ready";
  }
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
  const lines = [
    `Environment "${environment}" is ${sentences[status.condition]}.`,
    `  gateway     ${status.gateway}`,
    `  kubeconfig  ${status.kubeconfig}`,
    ...(status.database === null ? [] : [`  database    ${status.database}`]),
  ];
  if (status.models.length > 0) {
    const width = Math.max(...status.models.map((model) => model.name.length));
    lines.push("", "Models:");
    for (const model of status.models) {
      lines.push(`  ${model.name.padEnd(width)}  ${model.state.padEnd(9)}  ${contentOf(model)}  ${model.url}`);
    }
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
