import type { IncomingMessage, ServerResponse } from "node:http";
import type { PassThrough } from "node:stream";
import type { Dispatcher } from "undici";
import { failureOf } from "../../adapters/predictions/predictorFailure.ts";
import type { Failure } from "../../domain/recording/prediction.ts";
import { forwardedHeaders, headerValue, returnedHeaders } from "./headers.ts";
import { readBody } from "./requestBody.ts";

/** What happens to one exchange, for whoever records it. */
export interface ExchangeObserver {
  readonly onRequestData: (chunk: Buffer) => void;
  /** Content coding of the answer, such as `gzip`, as the predictor names it. */
  readonly onResponseEncoding: (encoding: string) => void;
  readonly onResponseData: (chunk: Buffer) => void;
}

/** How an exchange ended. `status` is what the client got, null where it got none. */
export interface ExchangeEnd {
  readonly status: number | null;
  readonly failure: Failure | null;
  /** Whether the body came to its end. */
  readonly wholeRequest: boolean;
  readonly wholeResponse: boolean;
}

export interface ExchangeOptions {
  readonly predictor: Dispatcher;
  readonly origin: string;
  /** The id to give a request that has none. */
  readonly requestId: string | undefined;
  readonly observer: ExchangeObserver | undefined;
  /** Called once, when nothing more will come. */
  readonly onEnd: (end: ExchangeEnd) => void;
}

const statusOf = { predictor_unavailable: 503, predictor_broken: 502, predictor_timeout: 504 } as const;
const sentenceOf = {
  predictor_unavailable: "the predictor accepts no connections",
  predictor_broken: "the predictor closed the connection before its answer was complete, or answered what is no HTTP",
  predictor_timeout: "the predictor did not answer in time",
} as const;

/** Streams one request to the predictor and its answer back. A class, because it is made for every request. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(incoming: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#incoming = incoming;
    this.#response = response;
    this.#options = options;
  }

  start(): void {
    this.#response.once("close", () => {
      if (!this.#over) this.#abandon();
    });
    readBody(this.#incoming, this.#options.observer?.onRequestData, (body) => this.#send(body));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("the client went away"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    // Interim answers (103) end here.
    if (status < 200 || this.#over) return;
    const headers = returnedHeaders((controller.rawHeaders ?? []) as readonly (Buffer | string)[]);
    const observer = this.#options.observer;
    if (observer) {
      const encoding = headerValue("content-encoding", headers);
      if (encoding !== undefined) observer.onResponseEncoding(encoding);
    }
    if (!this.#response.shouldKeepAlive) headers.push("connection", "close");
    this.#response.writeHead(status, statusText ?? "", headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#options.observer?.onResponseData(chunk);
    if (!this.#response.write(chunk)) {
      controller.pause();
      this.#response.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#response.end();
    this.#end(null, true);
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    // A request that broke off in its body breaks the one to the predictor, before the client's own connection is closed.
    if (this.#incoming.destroyed && !this.#incoming.complete) {
      this.#abandon();
      return;
    }
    const failure = failureOf(error);
    const begun = this.#response.headersSent;
    if (begun) {
      // The client must not take what it has for the whole.
      this.#response.destroy();
    } else {
      const body = Buffer.from(JSON.stringify({ error: sentenceOf[failure] }));
      this.#options.observer?.onResponseData(body);
      this.#response.writeHead(statusOf[failure], {
        "content-type": "application/json",
        "content-length": body.length,
      });
      this.#response.end(body);
    }
    // A client that still sends is not read any more, but has to be able to end.
    this.#incoming.resume();
    this.#end(failure, !begun);
  }

  #send(body: Buffer | PassThrough | null): void {
    if (this.#over) return;
    const { predictor, origin, requestId } = this.#options;
    try {
      predictor.dispatch(
        {
          origin,
          method: this.#incoming.method as Dispatcher.HttpMethod,
          path: this.#incoming.url ?? "/",
          headers: forwardedHeaders(this.#incoming, requestId),
          body,
        },
        this,
      );
    } catch (error) {
      this.onResponseError(null, error as Error);
    }
  }

  #abandon(): void {
    this.#end("client_gone", false);
    this.#controller?.abort(new Error("the client went away"));
  }

  #end(failure: Failure | null, wholeResponse: boolean): void {
    this.#over = true;
    this.#options.onEnd({
      status: this.#response.headersSent ? this.#response.statusCode : null,
      failure,
      wholeRequest: this.#incoming.complete,
      wholeResponse,
    });
  }
}
