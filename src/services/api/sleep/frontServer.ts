import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { ForwardingFailure } from "../../../domain/recording/prediction.ts";
import { serviceOfHost, versionHeader } from "../../../domain/serving/activator.ts";
import type { SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";
import { Exchange } from "../../forwarding/exchange.ts";
import { acceptUpgrades, isWebSocket, passUpgrade, upgradeOf } from "../../forwarding/upgrade.ts";
import { ApiError } from "../apiError.ts";
import { refuse } from "../server.ts";
import type { Waking } from "./waking.ts";

export interface FrontParts {
  readonly cluster: SleepCluster;
  readonly waking: Waking;
  /** Origin of a version's Service. */
  readonly originOf: (service: SleepingService) => string;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
}

/** The header is the route's word to this service, and nothing to the model. */
const withheld: ReadonlySet<string> = new Set([versionHeader]);

/** Handshakes of WebSockets, which have no time of their own. Milliseconds. */
const handshakeMs = 300_000;

/**
 * What takes the place of versions' own Services while they may sleep: a request goes on as it came, and so does its answer. Keys are
 * checked by gateways, as for versions that never sleep. Not listening yet.
 */
export function createFrontServer(parts: FrontParts): Server {
  const server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    const requestId = String(request.headers["x-request-id"] ?? "");
    answer(parts, request, response).catch((error: unknown) => refuse(parts.log, response, error, requestId));
  });
  acceptUpgrades(server);
  server.headersTimeout = 10_000;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 75_000;
  return server;
}

async function answer(parts: FrontParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = request.headers[versionHeader] ?? serviceOfHost(request.headers.host ?? "");
  const service = typeof name === "string" ? parts.cluster.find(name) : undefined;
  if (!service) throw unknownService(parts, name);
  await parts.waking.during(service.name, response, () => passOn(parts, service, request, response));
}

function unknownService({ cluster }: FrontParts, name: unknown): ApiError {
  if (!cluster.isListed()) return new ApiError("model_unavailable", "the models are not known yet; try again");
  const shown = typeof name === "string" ? name.slice(0, 100) : "";
  return new ApiError("not_found", `there is no model version "${shown}" here`);
}

function passOn(
  { dispatcher, originOf }: FrontParts,
  service: SleepingService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const origin = originOf(service);
  return new Promise((resolve, reject) => {
    const onFailure = (failure: Exclude<ForwardingFailure, "client_gone">, error: Error): void =>
      reject(explained(failure, service.name, error));
    const upgrade = upgradeOf(request);
    if (upgrade) {
      passUpgrade(request, response, upgrade, { origin, withheld, timeoutMs: handshakeMs, onFailure, onEnd: resolve });
      return;
    }
    new Exchange(request, response, {
      dispatcher,
      origin,
      withheld,
      // As long as the model takes, as on the way past this service.
      timeoutMs: 0,
      onFailure,
      onEnd: () => resolve(),
    }).start();
  });
}

function explained(failure: Exclude<ForwardingFailure, "client_gone">, service: string, error: Error): ApiError {
  return failure === "predictor_unavailable"
    ? new ApiError("model_unavailable", `${service} accepts no connections`, error)
    : new ApiError("model_failed", `the connection to ${service} broke before its answer was complete`, error);
}
