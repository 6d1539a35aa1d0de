import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { organizationHeader } from "../../domain/access/organizationHeader.ts";
import { batchPurpose, purposeHeader } from "../../domain/access/purpose.ts";
import { claimHeader } from "../../domain/limits/claim.ts";
import type { ForwardingFailure } from "../../domain/recording/prediction.ts";
import { versionHeader } from "../../domain/serving/activator.ts";
import { coinHeader } from "../../domain/serving/coin.ts";
import { Exchange, type ExchangeObserver } from "../forwarding/exchange.ts";
import { forwardedHeaders } from "../forwarding/headers.ts";
import { passUpgrade, upgradeOf } from "../forwarding/upgrade.ts";
import { ApiError } from "./apiError.ts";
import type { ControlCopy } from "./controlCopies.ts";

/** Headers that are for us alone, or that we set. */
const withheld: ReadonlySet<string> = new Set([
  "authorization",
  "x-api-key",
  "x-request-id",
  claimHeader,
  organizationHeader,
  purposeHeader,
  versionHeader,
  coinHeader,
]);

export interface Forwarding {
  readonly dispatcher: Dispatcher;
  /** Such as `http://iris-v1-predictor.models.svc.cluster.local:80`, or what tells it once the request was let in. */
  readonly origin: string | (() => string);
  readonly path: string;
  readonly requestId: string;
  /** It is one of a batch, and its key may make some: recorders are told. Whatever else a client says of that goes no further. */
  readonly isOfBatch: boolean;
  /** Id of the organization whose request it is, where a recorder is there to store it. @default nobody is told */
  readonly organizationId?: string | undefined;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Until the model begins to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** For sentences. */
  readonly model: string;
  /** @default nobody reads along */
  readonly observer?: ExchangeObserver | undefined;
  /** Goes to another version as the request goes to its own. @default none does */
  readonly copy?: ControlCopy | undefined;
  /** Called before anything is sent, with the body where it is short; what it throws is thrown on. @default nothing is asked */
  readonly letIn?: ((body?: Uint8Array) => Promise<void>) | undefined;
}

/**
 * Streams a request to a model and its answer back, or a WebSocket both ways, until that is over or the client is gone. Throws an ApiError
 * for anything else; what was answered until then is cut off.
 */
export async function forward(request: IncomingMessage, response: ServerResponse, to: Forwarding): Promise<void> {
  const { dispatcher, path, requestId, maxBodyBytes, timeoutMs, observer, copy, letIn } = to;
  const added = [
    ...["x-request-id", requestId],
    ...(to.isOfBatch ? [purposeHeader, batchPurpose] : []),
    ...(to.organizationId === undefined ? [] : [organizationHeader, to.organizationId]),
  ];
  if (to.isOfBatch) response.setHeader(purposeHeader, batchPurpose);
  const origin = (): string => {
    copy?.send({ path, headers: [...forwardedHeaders(request, withheld), ...added] });
    return typeof to.origin === "string" ? to.origin : to.origin();
  };
  const upgrade = upgradeOf(request);
  if (upgrade) {
    await letIn?.();
    await new Promise<void>((resolve, reject) => {
      const onFailure: Explain = (failure, error) => reject(explained(failure, error, to));
      const sending = { origin: origin(), path, withheld, added, timeoutMs };
      passUpgrade(request, response, upgrade, { ...sending, onFailure, onEnd: resolve });
    });
    return;
  }
  const tooLarge = () => new ApiError("body_too_large", `the body is larger than ${maxBodyBytes} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) throw tooLarge();
  await new Promise<void>((resolve, reject) => {
    new Exchange(request, response, {
      dispatcher,
      origin,
      path,
      withheld,
      added,
      timeoutMs,
      bodyLimit: { bytes: maxBodyBytes, onExceeded: () => reject(tooLarge()) },
      onFailure: (failure, error) => reject(explained(failure, error, to)),
      observer: copy ? alsoCopied(observer, copy) : observer,
      beforeSend: letIn && { ask: letIn, onRefused: reject },
      onEnd: () => resolve(),
    }).start();
  }).finally(() => copy?.end());
}

function alsoCopied(observer: ExchangeObserver | undefined, { add }: ControlCopy): ExchangeObserver {
  return {
    onRequestData(chunk) {
      observer?.onRequestData(chunk);
      add(chunk);
    },
    onResponseEncoding: (encoding) => observer?.onResponseEncoding?.(encoding),
    onResponseData: (chunk) => observer?.onResponseData(chunk),
  };
}

type Explain = (failure: Exclude<ForwardingFailure, "client_gone">, error: Error) => void;

function explained(
  failure: Exclude<ForwardingFailure, "client_gone">,
  error: Error,
  { model, timeoutMs }: Forwarding,
): ApiError {
  switch (failure) {
    case "predictor_unavailable":
      return new ApiError("model_unavailable", `${model} is not being served`, error);
    case "predictor_timeout":
      return new ApiError("model_timeout", `${model} did not answer within ${timeoutMs / 1000} s`, error);
    case "predictor_broken":
      return new ApiError("model_failed", `the connection to ${model} broke before its answer was complete`, error);
  }
}
