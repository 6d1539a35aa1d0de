import type { IncomingMessage, ServerResponse } from "node:http";
import type { PassThrough } from "node:stream";
import type { Dispatcher } from "undici";
import { failureOf } from "../../adapters/predictions/predictorFailure.ts";
import type { ForwardingFailure } from "../../domain/recording/prediction.ts";
import { forwardedHeaders, headerValue, returnedHeaders } from "./headers.ts";
import { type BodyLimit, inlineLimit, readBody } from "./requestBody.ts";

/** What happens to one exchange, for whoever records it. */
export interface ExchangeObserver {
  readonly onRequestData: (chunk: Buffer) => void;
  /** Content coding of the answer, such as `gzip`, as the server names it. */
  readonly onResponseEncoding?: (encoding: string) => void;
  readonly onResponseData: (chunk: Buffer) => void;
}

/** Who decides whether a request is sent. */
export interface BeforeSend {
  /** Gets the body where it is at hand: up to {@link heldBelow} bytes, of a length that is announced. */
  readonly ask: (body?: Buffer) => Promise<void>;
  /** Gets what `ask` threw; nothing is sent, and {@link ExchangeOptions.onEnd} is not called. */
  readonly onRefused: (error: Error) => void;
}

/** Bytes of a body that somebody wants to see before it is sent. */
const heldBelow = 1024 ** 2;

/** How an exchange ended. `status` is what the client got, null where it got none. */
export interface ExchangeEnd {
  readonly status: number | null;
  readonly failure: ForwardingFailure | null;
  /** Whether the body came to its end. */
  readonly wholeRequest: boolean;
  readonly wholeResponse: boolean;
}

export interface ExchangeOptions {
  /** Connections to the server; it sends no request twice. */
  readonly dispatcher: Dispatcher;
  /** Such as `http://iris-v1-predictor.models.svc.cluster.local:80`, or what tells it when the request is sent. */
  readonly origin: string | (() => string);
  /** With the query. @default the request's own */
  readonly path?: string;
  /**
   * Headers, in lower case, that go neither on nor back, besides those of a connection.
   * @default none
   */
  readonly withheld?: ReadonlySet<string>;
  /** Headers that go on besides the request's own, names and values in turn. @default none */
  readonly added?: readonly string[];
  /** The request's body, where it was read already; null for none. @default it is read as it is sent on */
  readonly body?: Buffer | null | undefined;
  /** Of a body that comes without a length. @default none */
  readonly bodyLimit?: BodyLimit;
  /** Asked before anything is sent. @default the request is sent at once */
  readonly beforeSend?: BeforeSend | undefined;
  /** Until the answer begins, and between two pieces of it, in milliseconds. @default the dispatcher's */
  readonly timeoutMs?: number;
  readonly observer?: ExchangeObserver | undefined;
  /**
   * Told before {@link onEnd} why there is no whole answer of the server, other than that the client is gone; what was begun is cut
   * off, and where nothing was (`response.headersSent`), this answers the client.
   */
  readonly onFailure: (failure: Exclude<ForwardingFailure, "client_gone">, error: Error) => void;
  /** Called once, when nothing more will come; not for a body that is too large. @default nobody is told */
  readonly onEnd?: (end: ExchangeEnd) => void;
}

/**
 * Streams one request to a server and its answer back, with back-pressure both ways; a side that goes away ends the other's
 * connection. A class, because it is made for every request.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  /** Whether something of the answer's body has come. */
  #begun = false;

  constructor(incoming: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#incoming = incoming;
    this.#response = response;
    this.#options = options;
  }

  start(): void {
    // While something was waited for before, such as a model's start: nothing tells of it again.
    if (this.#response.destroyed) {
      this.#abandon();
      return;
    }
    this.#response.once("close", () => {
      if (!this.#over) this.#abandon();
    });
    const { observer, beforeSend, body: known } = this.#options;
    if (known !== undefined) {
      this.#ask(known);
      return;
    }
    const limits = { wholeUpTo: beforeSend ? heldBelow : inlineLimit, limit: this.#bodyLimit() };
    readBody(this.#incoming, observer?.onRequestData, limits, (body) => this.#ask(body));
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
    const { observer, withheld } = this.#options;
    const headers = returnedHeaders((controller.rawHeaders ?? []) as readonly (Buffer | string)[], withheld);
    if (observer?.onResponseEncoding) {
      const encoding = headerValue("content-encoding", headers);
      if (encoding !== undefined) observer.onResponseEncoding(encoding);
    }
    if (!this.#response.shouldKeepAlive) headers.push("connection", "close");
    this.#response.writeHead(status, statusText ?? "", headers);
    // A head that comes alone goes on alone: the first piece of a stream may be long in coming. An answer whose length is known is not a stream.
    if (headerValue("content-length", headers) !== undefined) return;
    setImmediate(() => {
      if (!this.#over && !this.#begun) this.#response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#begun = true;
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
    // A request that broke off in its body breaks the one to the server, before the client's own connection is closed.
    if (this.#incoming.destroyed && !this.#incoming.complete) {
      this.#abandon();
      return;
    }
    const failure = failureOf(error);
    const begun = this.#response.headersSent;
    // The client must not take what it has for the whole.
    if (begun) this.#response.destroy();
    this.#options.onFailure(failure, error);
    // A client that still sends is not read any more, but has to be able to end.
    this.#incoming.resume();
    this.#end(failure, !begun);
  }

  #ask(body: Buffer | PassThrough | null): void {
    const { beforeSend } = this.#options;
    if (!beforeSend) {
      this.#send(body);
      return;
    }
    beforeSend.ask(Buffer.isBuffer(body) ? body : undefined).then(
      () => this.#send(body),
      (error: Error) => {
        if (this.#over) return;
        this.#over = true;
        // Nobody reads on.
        if (body && !Buffer.isBuffer(body)) this.#incoming.unpipe(body);
        this.#incoming.resume();
        beforeSend.onRefused(error);
      },
    );
  }

  #send(body: Buffer | PassThrough | null): void {
    if (this.#over) return;
    const { dispatcher, origin, path = this.#incoming.url ?? "/", withheld, added = [], timeoutMs } = this.#options;
    const limits = timeoutMs === undefined ? undefined : { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    const headers = forwardedHeaders(this.#incoming, withheld);
    headers.push(...added);
    try {
      dispatcher.dispatch(
        {
          ...limits,
          origin: typeof origin === "string" ? origin : origin(),
          method: this.#incoming.method as Dispatcher.HttpMethod,
          path,
          headers,
          body,
        },
        this,
      );
    } catch (error) {
      this.onResponseError(null, error as Error);
    }
  }

  #bodyLimit(): BodyLimit | undefined {
    const limit = this.#options.bodyLimit;
    if (!limit) return undefined;
    const onExceeded = (): void => {
      if (this.#over) return;
      this.#over = true;
      limit.onExceeded();
      this.#controller?.abort(new Error("the body is too large"));
      this.#incoming.resume();
    };
    return { bytes: limit.bytes, onExceeded };
  }

  #abandon(): void {
    this.#end("client_gone", false);
    this.#controller?.abort(new Error("the client went away"));
  }

  #end(failure: ForwardingFailure | null, wholeResponse: boolean): void {
    this.#over = true;
    this.#options.onEnd?.({
      status: this.#response.headersSent ? this.#response.statusCode : null,
      failure,
      wholeRequest: this.#incoming.complete,
      wholeResponse,
    });
  }
}
