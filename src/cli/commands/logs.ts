import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { KubeConfig, V1Pod, V1PodList } from "@kubernetes/client-node";
import { Command, InvalidArgumentError } from "commander";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { isApiError, request, requestJson } from "../../adapters/kubernetes/request.ts";
import { messageOf } from "../../domain/errors.ts";
import { interruptible } from "../interrupt.ts";
import { findModel, readModels } from "../models.ts";
import { environmentOption, knownEnvironment } from "../options.ts";
import { refuse } from "./refusals.ts";

interface LogsOptions {
  readonly environment: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly tail: number;
}

export function logsCommand(): Command {
  return new Command("logs")
    .addOption(environmentOption())
    .argument("<model>", "name of a model of the stack")
    .option("-f, --follow", "print new lines as they are logged", false)
    .option("-p, --previous", "the container's run before its last restart", false)
    .option("-n, --tail <lines>", "how many of the last lines", lineCount, 100)
    .action((name: string, options: LogsOptions) =>
      interruptible("nothing was changed", (signal) => printLogs(name, options, signal)),
    );
}

function lineCount(value: string): number {
  const lines = Number(value);
  if (!Number.isInteger(lines) || lines < 0) throw new InvalidArgumentError("a whole number of lines, 0 or more.");
  return lines;
}

async function printLogs(name: string, options: LogsOptions, signal: AbortSignal): Promise<void> {
  const { target, layout } = await knownEnvironment(options.environment);
  const model = findModel(await readModels(layout), name);
  const config = kubeConfigOf(target.kubeconfig);
  const pods = await requestJson<V1PodList>(config, "GET", `/api/v1/namespaces/${model.namespace}/pods`, {
    query: { labelSelector: `serving.kserve.io/inferenceservice=${model.service}` },
  });
  if (pods.items.length === 0) throw refuse("logs.no-pods", { name });
  const prefixed = pods.items.length > 1;
  await Promise.all(pods.items.map((pod) => printPodLog(config, pod, prefixed, options, signal)));
}

async function printPodLog(
  config: KubeConfig,
  pod: V1Pod,
  prefixed: boolean,
  options: LogsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace } = pod.metadata ?? {};
  const container = pod.spec?.containers[0]?.name ?? "";
  try {
    const response = await request(config, "GET", `/api/v1/namespaces/${namespace}/pods/${name}/log`, {
      query: { container, follow: options.follow, previous: options.previous, tailLines: options.tail },
      signal,
    });
    if (!response.body) return;
    for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
      console.log(prefixed ? `${name}: ${line}` : line);
    }
  } catch (error) {
    // The HTTP client gives up on a body that is silent for five minutes.
    if (options.follow && isSilence(error)) return printPodLog(config, pod, prefixed, { ...options, tail: 0 }, signal);
    // Waiting for its image, or never restarted: the API server says which. Other pods' logs go on.
    if (isApiError(error, 400) && prefixed) return console.error(`${name}: ${error.message}`);
    if (isApiError(error, 400)) throw refuse("logs.refused", { name: name ?? "the pod", reason: messageOf(error) });
    throw error;
  }
}

function isSilence(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "UND_ERR_BODY_TIMEOUT";
}
