import type { IncomingMessage, ServerResponse } from "node:http";
import type { PassThrough } from "node:stream";
import type { Agent, Dispatcher } from "undici";
import { messageOf } from "../../domain/errors.ts";
import type { ClusterResolver } from "../network/clusterResolver.ts";
import { applyHeaderRules, type FlatHeaders, returnedHeaders } from "./headers.ts";
import type { Upstream } from "./routeAction.ts";
import type { HeaderRules } from "./virtualService.ts";

/** A request whose route is decided. */
export interface Outgoing {
  readonly upstream: Upstream;
  readonly path: string;
  /** With `host`. */
  readonly headers: FlatHeaders;
  readonly body: Buffer | PassThrough | null;
  /** Rules for the response, the more specific last. */
  readonly rules: readonly (HeaderRules | undefined)[];
  /** Milliseconds until the response has to be complete, from the end of the request. */
  readonly timeout?: number;
  readonly connectAttempts: number;
}

export interface ForwardingContext {
  readonly agent: Agent;
  readonly resolver: ClusterResolver;
  /** Answers the client in place of the upstream. */
  readonly fail: (response: ServerResponse, status: 400 | 502 | 503 | 504, sentence: string) => void;
}

/** Sends one request on and its answer back. A class, because it is made for every request: its methods are shared. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #context: ForwardingContext;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #outgoing: Outgoing;
  #controller: Dispatcher.DispatchController | undefined;
  #attempts = 0;
  #address = "";
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(context: ForwardingContext, incoming: IncomingMessage, response: ServerResponse, outgoing: Outgoing) {
    this.#context = context;
    this.#incoming = incoming;
    this.#response = response;
    this.#outgoing = outgoing;
  }

  start(): void {
    const { timeout } = this.#outgoing;
    if (timeout !== undefined) {
      const begin = (): void => {
        this.#timer = setTimeout(() => this.#expire(timeout), timeout);
      };
      if (this.#incoming.complete || this.#outgoing.body === null) begin();
      else this.#incoming.once("end", begin);
    }
    this.#response.once("close", () => {
      clearTimeout(this.#timer);
      if (!this.#response.writableFinished) this.#abandon("the client went away");
    });
    this.#send();
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
    const raw = (controller.rawHeaders ?? []) as readonly (Buffer | string)[];
    const { headers } = applyHeaderRules(returnedHeaders(raw), "response", ...this.#outgoing.rules);
    if (!this.#response.shouldKeepAlive) headers.push("connection", "close");
    this.#response.writeHead(status, statusText ?? "", headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#response.write(chunk)) {
      controller.pause();
      this.#response.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#response.end();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    const { host, port } = this.#outgoing.upstream;
    if (this.#response.headersSent) {
      this.#over = true;
      // The client must not take what it has for the whole.
      this.#response.destroy();
    } else if (isConnectFailure(error)) {
      this.#retry();
    } else if ("code" in error && error.code === "UND_ERR_INVALID_ARG") {
      this.#fail(400, `the request cannot be sent to ${host}: ${error.message}`);
    } else {
      this.#fail(502, `${host}:${port} closed the connection before it answered: ${error.message}`);
    }
  }

  #send(): void {
    this.#attempts += 1;
    const { host } = this.#outgoing.upstream;
    const known = this.#context.resolver.cached(host);
    if (known !== undefined) {
      this.#sendTo(known);
      return;
    }
    this.#context.resolver.resolve(host).then(
      (address) => this.#sendTo(address),
      (error: unknown) => this.#fail(503, `there is no Service ${host}: ${messageOf(error)}`),
    );
  }

  #sendTo(address: string): void {
    if (this.#over) return;
    this.#address = address;
    const { upstream, path, headers, body } = this.#outgoing;
    this.#context.agent.dispatch(
      {
        origin: `http://${address}:${upstream.port}`,
        method: this.#incoming.method as Dispatcher.HttpMethod,
        path,
        headers,
        body,
      },
      this,
    );
  }

  /** A refused connection carried nothing, so any request may try again: at once at a new address, else as the route says. */
  #retry(): void {
    const { upstream, body, connectAttempts } = this.#outgoing;
    const { resolver } = this.#context;
    const before = this.#address;
    const spent = body !== null && !Buffer.isBuffer(body) && (body.destroyed || body.readableDidRead);
    resolver.forget(upstream.host);
    const give = (): void =>
      this.#fail(503, `${upstream.host}:${upstream.port} accepts no connections: none of its pods is ready`);
    if (spent) {
      give();
      return;
    }
    resolver.resolve(upstream.host).then(
      (address) => {
        if (address !== before && this.#attempts <= connectAttempts) this.#send();
        else if (this.#attempts < connectAttempts) setTimeout(() => this.#over || this.#send(), 25 * this.#attempts);
        else give();
      },
      (error: unknown) => this.#fail(503, `there is no Service ${upstream.host}: ${messageOf(error)}`),
    );
  }

  #expire(timeout: number): void {
    const { host, port } = this.#outgoing.upstream;
    if (this.#over) return;
    if (this.#response.headersSent) this.#response.destroy();
    else this.#fail(504, `${host}:${port} did not answer within ${timeout} ms`);
    this.#controller?.abort(new Error("timed out"));
  }

  #fail(status: 400 | 502 | 503 | 504, sentence: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#context.fail(this.#response, status, sentence);
  }

  #abandon(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Error(reason));
  }
}

function isConnectFailure(error: Error): boolean {
  const { syscall, code } = error as NodeJS.ErrnoException;
  return syscall === "connect" || code === "UND_ERR_CONNECT_TIMEOUT";
}
