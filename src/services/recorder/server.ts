import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { PredictionLog } from "../../adapters/predictionLog/append.ts";
import { organizationHeader, organizationTold } from "../../domain/access/organizationHeader.ts";
import { batchPurpose, purposeHeader } from "../../domain/access/purpose.ts";
import { withoutCredentials } from "../../domain/credentials/credentials.ts";
import { claimHeader } from "../../domain/limits/claim.ts";
import { predictionAsked } from "../../domain/protocols/asked.ts";
import { type Operation, tellsFacts } from "../../domain/protocols/operation.ts";
import { isSampled } from "../../domain/recording/sampling.ts";
import { storedHeaders } from "../../domain/recording/storedHeaders.ts";
import { coinHeader, storedCoin } from "../../domain/serving/coin.ts";
import { AnswerTokens } from "../forwarding/answerTokens.ts";
import { Exchange, type ExchangeEnd } from "../forwarding/exchange.ts";
import { acceptUpgrades, isWebSocket, passUpgrade, upgradeOf } from "../forwarding/upgrade.ts";
import { Capture, type CaptureBudget } from "./capture.ts";
import type { Metrics } from "./metrics.ts";
import type { OpenRequests } from "./openRequests.ts";
import { PieceTimes } from "./pieceTimes.ts";
import { answerFailed } from "./predictorFailed.ts";
import { recordedId } from "./recordedId.ts";
import type { UsageReports } from "./usageReports.ts";

/** What the server works with. */
export interface RecorderParts {
  readonly predictor: Dispatcher;
  readonly origin: string;
  /** Until the predictor answers a WebSocket's handshake, in milliseconds. */
  readonly timeoutMs: number;
  /** Takes what is recorded: the log, or {@link Redaction} in front of it. */
  readonly log: Pick<PredictionLog, "accept" | "finish">;
  /** Whether an id may stand in the process's own output. */
  readonly showsIds: boolean;
  readonly budget: CaptureBudget;
  /** Whether bodies are stored. Where they are not, answers that may tell something are kept until they are read. */
  readonly keepsBodies: boolean;
  /** Who is told of tokens that the gateway has claims on. @default nobody */
  readonly usage?: Pick<UsageReports, "add"> | undefined;
  /** Who is told of requests that are not over. @default nobody */
  readonly open?: Pick<OpenRequests, "begin" | "end"> | undefined;
  /** Share of the predictions that are stored, in percent. */
  readonly samplePercent: number;
  /** Lower-case names. */
  readonly storedHeaders: readonly string[];
  /** Paths of the model's own that are predictions too. */
  readonly ownPaths: readonly string[];
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Why no traffic should come, as a sentence; undefined when it may. */
  readonly unready: () => string | undefined;
  /** True once the process was told to end. */
  readonly stopping: () => boolean;
}

/** For bodies of which only the number of bytes is wanted. */
const nothingKept: CaptureBudget = { ofBody: 0, ofAll: 0, used: 0 };
/** What the gateway or the API service tells the recorder is not the model's to see. */
const withheld: ReadonlySet<string> = new Set([claimHeader, coinHeader, organizationHeader]);
/** Memory for answers whose tokens somebody waits for, whatever is stored of them. */
const claimedBudget: CaptureBudget = { ofBody: 8 * 1024 ** 2, ofAll: 64 * 1024 ** 2, used: 0 };

/** The recorder's HTTP server, which forwards everything but its own health and metrics; it does not listen yet. */
export function createRecorderServer(parts: RecorderParts): Server {
  const options = {
    noDelay: true,
    keepAliveTimeout: 75_000,
    requestTimeout: 0,
    shouldUpgradeCallback: isWebSocket,
  };
  const server = createServer(options, (request, response) => {
    if (parts.stopping()) response.shouldKeepAlive = false;
    switch (request.url) {
      case "/healthz":
        return answer(response, 200, "ok\n");
      case "/readyz": {
        const reason = parts.unready();
        return reason === undefined ? answer(response, 200, "ok\n") : answer(response, 503, `${reason}\n`);
      }
      case "/metrics":
        return void sendMetrics(parts, response);
      default: {
        const operation = predictionAsked(request.method ?? "", request.url ?? "", parts.ownPaths);
        if (operation) record(parts, operation, request, response);
        else pass(parts, request, response);
      }
    }
  });
  acceptUpgrades(server);
  server.headersTimeout = 60_000;
  return server;
}

/** Forwards what is not a prediction, WebSockets included: messages on those are neither requests nor answers. */
function pass(parts: RecorderParts, request: IncomingMessage, response: ServerResponse): void {
  const { predictor, origin, metrics, timeoutMs } = parts;
  const upgrade = upgradeOf(request);
  if (upgrade) {
    metrics.webSockets.inc();
    passUpgrade(request, response, upgrade, {
      origin,
      withheld,
      timeoutMs,
      onFailure: (failure) => void answerFailed(response, failure),
    });
    return;
  }
  new Exchange(request, response, {
    dispatcher: predictor,
    origin,
    withheld,
    onFailure: (failure) => {
      if (!response.headersSent) answerFailed(response, failure);
    },
  }).start();
}

function record(parts: RecorderParts, operation: Operation, request: IncomingMessage, response: ServerResponse): void {
  const { predictor, origin, metrics, log, budget, keepsBodies } = parts;
  const startedAt = performance.now();
  const requestTime = Date.now();
  const given = request.headers["x-request-id"];
  const isPaired = typeof given === "string" && given !== "";
  const made = isPaired ? undefined : randomUUID();
  const requestId = made ?? recordedId(String(given));
  // Gateway and API service leave this header to those alone who may make batches.
  const isBatch = request.headers[purposeHeader] === batchPurpose;
  if (isBatch) response.setHeader(purposeHeader, batchPurpose);
  const isStored = !isBatch && isSampled(requestId, parts.samplePercent);
  let responseEncoding: string | null = null;
  const asked = new Capture(keepsBodies ? budget : nothingKept);
  const answered = new Capture(keepsBodies || tellsFacts(operation) ? budget : nothingKept);
  if (!isStored) for (const each of [asked, answered]) each.release();
  const claim = operation.tokens && parts.usage ? request.headers[claimHeader] : undefined;
  const tokens = typeof claim === "string" ? new AnswerTokens(operation, claimedBudget) : undefined;
  const pieceTimes = operation.joining === "none" || !isStored ? undefined : new PieceTimes();

  const coin = toldOf(request);
  const open = isStored ? parts.open?.begin(coin[coinHeader], requestTime) : undefined;

  const onEnd = ({ status, failure, wholeRequest, wholeResponse }: ExchangeEnd): void => {
    const latencyMs = performance.now() - startedAt;
    parts.open?.end(open);
    if (tokens) void reportTokens(String(claim), tokens, status, wholeResponse);
    metrics.end(status ?? 499, latencyMs / 1000);
    if (failure) metrics.failures.inc({ failure });
    if (!isStored) {
      metrics[isBatch ? "batch" : "unsampled"].inc();
    } else if (failure === "client_gone" && !wholeRequest) {
      // The model was never asked: other sides get nothing of half a request either.
      metrics.incomplete.inc();
      log.finish();
    } else {
      const [requestBody, responseBody] = [asked.body(wholeRequest), answered.body(wholeResponse)];
      if (keepsBodies && (requestBody.truncated || responseBody.truncated)) metrics.truncated.inc();
      log.finish({
        requestId,
        unpaired: !isPaired,
        requestTime,
        url: withoutCredentials(request.url ?? "/"),
        headers: storedHeaders(request.headers, parts.storedHeaders, coin),
        organization: organizationTold(request.headers[organizationHeader]),
        redacted: false,
        request: requestBody,
        response: responseBody,
        responseEncoding,
        operation: operation.name,
        arrivals: pieceTimes?.arrivals() ?? null,
        facts: null,
        status,
        failure,
        latencyMs,
      });
    }
    asked.release();
    answered.release();
    if (parts.logger.isLevelEnabled("debug")) {
      const shown = parts.showsIds ? { requestId: made ?? given } : {};
      parts.logger.debug({ ...shown, status, failure, latencyMs }, "prediction");
    }
  };

  const reportTokens = async (of: string, read: AnswerTokens, status: number | null, isWhole: boolean) => {
    const told = await read.read(isWhole);
    // A refusal takes no tokens, and of an answer that tells of none nobody knows.
    parts.usage?.add(of, (status ?? 0) >= 400 ? { prompt: 0, completion: 0 } : (told ?? null));
  };
  metrics.begin();
  if (isStored) log.accept();
  const observer = {
    onRequestData: (chunk: Buffer) => asked.add(chunk),
    onResponseEncoding: (encoding: string) => {
      responseEncoding = encoding;
      tokens?.onResponseEncoding(encoding);
    },
    onResponseData: (chunk: Buffer) => {
      if (pieceTimes) {
        const at = performance.now() - startedAt;
        pieceTimes.add(chunk.length, at);
        if (open) open.seen ??= at;
      }
      answered.add(chunk);
      tokens?.onResponseData(chunk);
    },
  };
  new Exchange(request, response, {
    dispatcher: predictor,
    origin,
    withheld,
    ...(made && { added: ["x-request-id", made] }),
    observer,
    onFailure: (failure) => {
      if (!response.headersSent) answered.add(answerFailed(response, failure));
    },
    onEnd,
  }).start();
}

/** How the gateway found the side of a request. */
function toldOf({ headers, headersDistinct }: IncomingMessage): Readonly<Record<string, string>> {
  const told = headers[coinHeader];
  const coin = storedCoin(typeof told === "string" ? told : undefined, headers.cookie, (name) => headersDistinct[name]);
  return coin === undefined ? {} : { [coinHeader]: coin };
}

async function sendMetrics({ metrics }: RecorderParts, response: ServerResponse): Promise<void> {
  answer(response, 200, await metrics.registry.metrics(), metrics.registry.contentType);
}

function answer(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}
