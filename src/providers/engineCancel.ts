import { subscribe } from "node:diagnostics_channel";

/** What the engine calls at the first Ctrl-C, before it waits for the operations in flight. The host's own answer to it does nothing. */
const cancelPath = "/pulumirpc.ResourceProvider/Cancel";

const cancelled = new AbortController();

/**
 * Aborts once the engine asks the host to cancel. The host's server is not ours to change, but Node.js tells of each HTTP/2 request
 * that it gets (from version 24 on; before, this never aborts, and an operation ends when the engine does).
 */
export const engineCancels: AbortSignal = cancelled.signal;

subscribe("http2.server.stream.start", (message) => {
  const { headers } = message as { readonly headers?: Readonly<Record<string, unknown>> };
  if (headers?.[":path"] === cancelPath) cancelled.abort();
});
