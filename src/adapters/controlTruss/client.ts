import { Agent, type Dispatcher, request } from "undici";
import * as z from "zod";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { messageOf } from "../../domain/errors.ts";
import type { ControlServer, PatchOutcome, Probe, Reply } from "../../domain/patch/ports.ts";

/** Where one container's control server is, and how long it may take. Times in milliseconds. */
export interface ControlClientOptions {
  /** Such as `http://10.0.0.7:8080`. */
  readonly url: string;
  /** See {@link ControlServer.instance}. */
  readonly instance: string;
  /** See {@link ControlServer.startedAt}. */
  readonly startedAt: number;
  /** Until a patch is answered: it waits for predictions under way and for other patches. @default 120_000 */
  readonly patchWithin?: number;
  /** Until anything else is answered: predictions that wait for the server block it for some 20 s. @default 30_000 */
  readonly answerWithin?: number;
}

/** An answer longer than this is none of the control server's, in bytes. */
const longestAnswer = 1024 * 1024;

const failure = z.object({
  error: z.union([z.string(), z.object({ type: z.string().optional(), msg: z.string().optional() })]),
});
const hashAnswer = z.object({ result: z.string().nullable() });
const flagAnswer = z.object({ result: z.boolean() });
const messageAnswer = z.object({ msg: z.string() });

const outcomes: Readonly<Record<string, Exclude<PatchOutcome["kind"], "accepted" | "unknown">>> = {
  inadmissible_patch: "inadmissible",
  unsupported_patch: "unsupported",
  patch_failed_recoverable: "recoverable",
  patch_failed_unrecoverable: "unrecoverable",
};

/**
 * Client of the control server of truss 0.18.35 (`templates/control/control/endpoints.py`). Its errors come with HTTP
 * 200, its body decides; what is not an answer of it (a timeout, a proxy's page, broken JSON) is unknown, never a success.
 * Keeps one connection pool; close it with the container.
 */
export function createControlClient(options: ControlClientOptions): ControlServer & { close(): Promise<void> } {
  const { url, instance, startedAt, patchWithin = 120_000, answerWithin = 30_000 } = options;
  const agent = new Agent({ connectTimeout: 5_000, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 4_000 });
  const call = (method: "GET" | "POST", path: string, within: number, body?: unknown) =>
    send(agent, `${url}${path}`, method, within, body);
  const ask = async <T>(
    method: "GET" | "POST",
    path: string,
    schema: z.ZodType<T>,
    within = answerWithin,
  ): Promise<Reply<T>> => {
    const answer = await call(method, path, within);
    if (!answer.ok) return answer;
    const parsed = answer.value.status === 200 ? schema.safeParse(answer.value.body) : undefined;
    if (parsed?.success) return { ok: true, value: parsed.data };
    return { ok: false, reason: `${path}: ${described(answer.value)}` };
  };
  const result = <T>(reply: Reply<{ result: T }>): Reply<T> =>
    reply.ok ? { ok: true, value: reply.value.result } : reply;
  const nothing = (reply: Reply<unknown>): Reply<undefined> => (reply.ok ? { ok: true, value: undefined } : reply);
  return {
    instance,
    startedAt,
    runningHash: async () => result(await ask("GET", "/control/truss_hash", hashAnswer)),
    isPartiallyApplied: async () => result(await ask("GET", "/control/has_partially_applied_patch", flagAnswer)),
    restartInference: async () =>
      nothing(await ask("POST", "/control/restart_inference_server", messageAnswer, patchWithin)),
    stopInference: async () => nothing(await ask("POST", "/control/stop_inference_server", messageAnswer, patchWithin)),
    patch: async ({ hash, prevHash, patches }) =>
      outcomeOf(await call("POST", "/control/patch", patchWithin, { hash, prev_hash: prevHash, patches })),
    probe: async () => probeOf(await call("GET", "/v1/models/model", answerWithin)),
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly status: number;
  /** Decoded JSON; undefined for everything else. */
  readonly body: unknown;
}

function outcomeOf(answer: Reply<Answer>): PatchOutcome {
  if (!answer.ok) return { kind: "unknown", reason: answer.reason };
  const { status, body } = answer.value;
  if (status === 200 && messageAnswer.safeParse(body).success) return { kind: "accepted" };
  const parsed = failure.safeParse(body);
  const error = parsed.success && typeof parsed.data.error === "object" ? parsed.data.error : undefined;
  const kind = status === 200 ? outcomes[error?.type ?? ""] : undefined;
  if (kind) return { kind, reason: oneLine(error?.msg ?? kind) };
  return { kind: "unknown", reason: `/control/patch: ${described(answer.value)}` };
}

function probeOf(answer: Reply<Answer>): Probe {
  if (!answer.ok) return { answers: false, state: "unreachable", reason: answer.reason };
  const { status, body } = answer.value;
  if (status === 200) return { answers: true };
  const reason = described(answer.value);
  // 502: the process gave up loading and will not be started again. 503 with a text about stopping: there is none.
  if (status === 502) return { answers: false, state: "load_failed", reason };
  if (status === 503 && typeof body === "string" && body.includes("stopped running")) {
    return { answers: false, state: "stopped", reason };
  }
  return { answers: false, state: status === 503 ? "loading" : "unreachable", reason };
}

async function send(
  dispatcher: Dispatcher,
  url: string,
  method: "GET" | "POST",
  within: number,
  body: unknown,
): Promise<Reply<Answer>> {
  try {
    const response = await request(url, {
      dispatcher,
      method,
      signal: AbortSignal.timeout(within),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { ok: true, value: { status: response.statusCode, body: await jsonOf(response.body) } };
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    const path = URL.parse(url)?.pathname ?? url;
    return { ok: false, reason: `${path}: ${isTimeout ? `no answer within ${within / 1000} s` : messageOf(error)}` };
  }
}

async function jsonOf(body: Dispatcher.ResponseData["body"]): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += (chunk as Buffer).length;
    if (size > longestAnswer) throw new Error(`an answer of more than ${longestAnswer} bytes`);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

function described({ status, body }: Answer): string {
  const parsed = failure.safeParse(body);
  const error = parsed.success ? parsed.data.error : undefined;
  const text = typeof body === "string" ? body : typeof error === "string" ? error : error?.msg;
  return text === undefined ? `HTTP ${status} without a readable answer` : `HTTP ${status}: ${oneLine(text)}`;
}

function oneLine(text: string): string {
  const line = maskedText(text).replaceAll(/\s+/g, " ").trim();
  return line.length > 500 ? `${line.slice(0, 499)}…` : line;
}
