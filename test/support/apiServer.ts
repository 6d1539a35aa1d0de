import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { onTestFinished } from "vitest";

/** What an API server answers by path, with `?previous` behind it for a log of the run before; a function is asked anew each time. */
export type Answers = Record<string, unknown | (() => unknown)>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** An answer that is not JSON with status 200. */
export const answer = (status: number, body: string): Answer => ({ status, body });
export const refusal = (code: number, message: string): Answer => answer(code, JSON.stringify({ message }));
const isAnswer = (value: unknown): value is Answer =>
  typeof value === "object" && value !== null && "body" in value && typeof value.body === "string";

/** An API server that answers from a table of paths until the test is finished; 404 for all others. */
export async function apiServer(answers: Answers): Promise<KubeConfig> {
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    const found = answers[url.pathname + (url.searchParams.has("previous") ? "?previous" : "")];
    const value = typeof found === "function" ? (found as () => unknown)() : found;
    const told =
      value === undefined ? refusal(404, "not found") : isAnswer(value) ? value : answer(200, JSON.stringify(value));
    response.writeHead(told.status).end(told.body);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
  return config;
}
