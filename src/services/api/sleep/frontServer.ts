import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { ForwardingFailure } from "../../../domain/recording/prediction.ts";
import { copiedHeader, serviceOfHost, versionHeader } from "../../../domain/serving/activator.ts";
import { batchHeader } from "../../../domain/serving/batchRequests.ts";
import type { SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";
import { Exchange } from "../../forwarding/exchange.ts";
import { acceptUpgrades, isWebSocket, passUpgrade, upgradeOf } from "../../forwarding/upgrade.ts";
import { Capture, type CaptureBudget } from "../../recorder/capture.ts";
import { ApiError } from "../apiError.ts";
import { refuse } from "../server.ts";
import type { VersionLoad } from "../traffic/versionLoad.ts";
import type { Waking } from "./waking.ts";

export interface FrontParts {
  readonly cluster: SleepCluster;
  readonly waking: Waking;
  /** Origin of a version's Service. */
  readonly originOf: (service: SleepingService) => string;
  readonly dispatcher: Dispatcher;
  /** Memory for copies that wait until what they are for answers. */
  readonly copies: CaptureBudget;
  readonly log: Logger;
}

/** The headers are the route's word to this service, and nothing to the model. */
const withheld: ReadonlySet<string> = new Set([versionHeader, copiedHeader, batchHeader]);

/** Handshakes of WebSockets, which have no time of their own. Milliseconds. */
const handshakeMs = 300_000;

/**
 * What takes the place of versions' own Services while they may sleep: a request goes on as it came, and so does its answer. Keys are
 * checked by gateways, as for versions that never sleep. Not listening yet.
 *
 * @param named - name of the InferenceService that a request is for
 * @param takesCopies - whether only copies of requests come, as to a shadow
 * @param load - counts what is sent to versions. Default: the gateway does
 */
export function createFrontServer(
  parts: FrontParts,
  named: (request: IncomingMessage) => string | undefined = namedVersion,
  takesCopies = false,
  load?: VersionLoad,
): Server {
  const server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    const name = named(request);
    const found = name === undefined ? undefined : parts.cluster.find(name);
    // A development version's Service leads to its control server too: requests for it come by the API's own port.
    const service = found?.versionId === undefined ? found : undefined;
    const requestId = String(request.headers["x-request-id"] ?? "");
    // There may be as many copies as requests, and nobody waits for their answers.
    const isCopy = takesCopies || service?.role === "shadow";
    const log = isCopy ? parts.log.child({}, { level: "error" }) : parts.log;
    const answering = (known: SleepingService) => answer(parts, { service: known, isCopy }, request, response);
    const answered = service
      ? (load?.during(service.name, () => answering(service)) ?? answering(service))
      : Promise.reject(unknownService(parts, name));
    answered.catch((error: unknown) => refuse(log, response, error, requestId));
  });
  acceptUpgrades(server);
  server.headersTimeout = 10_000;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 75_000;
  return server;
}

/** What takes the copies of requests for versions that may sleep: they wake these as requests do. Not listening yet. */
export function createCopiesServer(parts: FrontParts): Server {
  return createFrontServer(parts, ({ headers: { [copiedHeader]: name } }) => name?.toString(), true);
}

/** What takes requests of batches, which the gateway counts for no version: autoscalers know them from here. Not listening yet. */
export function createBatchesServer(parts: FrontParts, load: VersionLoad): Server {
  const named = ({ headers: { [batchHeader]: name } }: IncomingMessage) => name?.toString();
  return createFrontServer(parts, named, false, load);
}

function namedVersion({ headers }: IncomingMessage): string | undefined {
  const name = headers[versionHeader] ?? serviceOfHost(headers.host ?? "");
  return typeof name === "string" ? name : undefined;
}

async function answer(
  parts: FrontParts,
  { service, isCopy }: { readonly service: SleepingService; readonly isCopy: boolean },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { waking } = parts;
  const isHeld = isCopy && !waking.isOpen(service.name) && !upgradeOf(request);
  const body = isHeld ? await readHeld(request, parts.copies) : undefined;
  try {
    const work = async (open: () => Promise<void>): Promise<void> => {
      await open();
      await passOn(parts, { service, body: body?.content }, request, response);
    };
    await waking.during(service.name, response, work, { isCopy });
  } finally {
    body?.release();
  }
}

/**
 * Reads the body of a copy that waits: a gateway passes a body on at the pace of the slower side, so what is not read here would hold up the
 * client's own request.
 */
async function readHeld(request: IncomingMessage, budget: CaptureBudget) {
  const capture = new Capture(budget);
  try {
    for await (const chunk of request) capture.add(chunk as Buffer);
    const { chunks, truncated } = capture.body(true);
    if (truncated) throw new ApiError("model_unavailable", "there is no room for a copy that waits");
    const content = chunks.length > 0 ? Buffer.concat(chunks) : null;
    return { content, release: () => capture.release() };
  } catch (error) {
    capture.release();
    throw error instanceof ApiError ? error : new ApiError("bad_request", "the body broke off", error);
  }
}

function unknownService({ cluster }: FrontParts, name = ""): ApiError {
  if (!cluster.isListed()) return new ApiError("model_unavailable", "the models are not known yet; try again");
  return new ApiError("not_found", `there is no model version "${name.slice(0, 100)}" here`);
}

function passOn(
  { dispatcher, originOf }: FrontParts,
  { service, body }: { readonly service: SleepingService; readonly body: Buffer | null | undefined },
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
      body,
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
