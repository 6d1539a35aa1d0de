import type { IncomingMessage, ServerResponse } from "node:http";

/** One part of the API's paths. */
export interface Route {
  /** What the path of its requests starts with. */
  readonly prefix: string;
  /** Answers, or throws an ApiError while nothing has been answered. */
  handle(request: IncomingMessage, response: ServerResponse, context: RouteContext): Promise<void>;
}

export interface RouteContext {
  /** Without the query. */
  readonly path: string;
  readonly requestId: string;
}
