import { type Dispatcher, errors, request } from "undici";
import type * as z from "zod";
import {
  type DeletedVersion,
  type DevelopmentStatus,
  deletedSchema,
  errorSchema,
  type GenerationRequest,
  type PatchAnswer,
  type PatchRequest,
  type PushedVersion,
  patchAnswerSchema,
  pushedVersionsSchema,
  statusSchema,
} from "../../domain/development/contract.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import type { Refusal } from "../../domain/refusals/refusal.ts";
import type { TrussSignature } from "../../domain/truss/signature.ts";
import { refusal } from "../refusals.ts";

/** Where the API service is, and who asks. */
export interface ApiAddress {
  /** Such as `http://127.0.0.1:18081`, without a slash at the end. */
  readonly url: string;
  /** API key. A secret. */
  readonly key: string;
  /** @default one pool of the process */
  readonly dispatcher?: Dispatcher;
}

/** The API service said no, or did not answer. */
export class ApiRefused extends OperatorError {
  /** The service's code, such as `not_found`; `unreachable` where it did not answer. */
  readonly code: string;

  constructor(code: string, refused: Refusal, cause?: unknown) {
    super(refused, { cause });
    this.code = code;
  }

  /** Whether it goes away by itself, as while the service's pods are replaced. */
  get isTransient(): boolean {
    return transient.has(this.code);
  }
}

const transient = new Set(["unreachable", "database_unavailable", "stopping"]);

/** The patch was computed against another head: compute it anew from this one. */
export class StaleHead extends ApiRefused {
  readonly headHash: string;
  readonly headSignature: TrussSignature;

  constructor(message: string, headHash: string, headSignature: TrussSignature) {
    super("stale", refusal("api.refused", null, { message }));
    this.headHash = headHash;
    this.headSignature = headSignature;
  }
}

/** Patches cannot do it. */
export class NeedsFullDeploy extends ApiRefused {
  readonly reasons: readonly string[];

  constructor(message: string, reasons: readonly string[]) {
    super("needs_full_deploy", refusal("api.refused", null, { message }));
    this.reasons = reasons;
  }
}

/** Client of one API service's development versions. All methods throw {@link ApiRefused} for what is not a success. */
export interface DevelopmentVersions {
  status(versionId: string, signal?: AbortSignal): Promise<DevelopmentStatus>;
  /** Stores a patch at the head and syncs. Throws {@link StaleHead} and {@link NeedsFullDeploy}. */
  patch(versionId: string, patch: PatchRequest, signal?: AbortSignal): Promise<PatchAnswer>;
  /** Starts a generation after a full deployment; the same again changes nothing. Needs the stack's own key. */
  startGeneration(versionId: string, generation: GenerationRequest, signal?: AbortSignal): Promise<DevelopmentStatus>;
  /** Brings the running container to the head, or says in the answer's state why not; takes up to two minutes. */
  sync(versionId: string, signal?: AbortSignal): Promise<DevelopmentStatus>;
  /** Lets a stopped version start, and answers at once. */
  wake(versionId: string, signal?: AbortSignal): Promise<DevelopmentStatus>;
  /** Versions that clients pushed, among those that the key opens. */
  pushed(signal?: AbortSignal): Promise<readonly PushedVersion[]>;
  /** Deletes one of them; what a stack declares is refused. */
  remove(versionId: string, signal?: AbortSignal): Promise<DeletedVersion>;
}

/** Until an answer, in milliseconds: the service bounds its own work below it. */
const answerWithin = 180_000;

export function createDevelopmentVersions(address: ApiAddress): DevelopmentVersions {
  const path = (versionId: string, rest = "") => `/v1/development/${encodeURIComponent(versionId)}${rest}`;
  const get = (to: string, signal?: AbortSignal) => call(address, "GET", to, undefined, statusSchema, signal);
  const post = <T>(to: string, body: unknown, schema: z.ZodType<T>, signal?: AbortSignal) =>
    call(address, "POST", to, body, schema, signal);
  return {
    status: (id, signal) => get(path(id), signal),
    patch: (id, patch, signal) => post(path(id, "/patches"), patch, patchAnswerSchema, signal),
    startGeneration: (id, generation, signal) => post(path(id, "/generations"), generation, statusSchema, signal),
    sync: (id, signal) => post(path(id, "/sync"), {}, statusSchema, signal),
    wake: (id, signal) => post(path(id, "/wake"), {}, statusSchema, signal),
    pushed: async (signal) =>
      (await call(address, "GET", "/v1/development/", undefined, pushedVersionsSchema, signal)).versions,
    remove: (id, signal) => call(address, "DELETE", path(id), undefined, deletedSchema, signal),
  };
}

async function call<T>(
  { url, key, dispatcher }: ApiAddress,
  method: "DELETE" | "GET" | "POST",
  path: string,
  body: unknown,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<T> {
  const limit = AbortSignal.timeout(answerWithin);
  let status: number;
  let text: string;
  try {
    const answer = await request(`${url}${path}`, {
      method,
      headers: { "x-api-key": key, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headersTimeout: answerWithin,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher ? { dispatcher } : {}),
    });
    status = answer.statusCode;
    text = await answer.body.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = limit.aborted ? `no answer within ${answerWithin / 1000} s` : reasonOf(error);
    throw new ApiRefused("unreachable", refusal("api.unanswered", null, { url, why }), error);
  }
  const json = parsed(text);
  const answer = status === 200 ? schema.safeParse(json) : undefined;
  if (answer?.success) return answer.data;
  throw apiRefusal(url, status, json);
}

function apiRefusal(url: string, status: number, json: unknown): ApiRefused {
  const answer = errorSchema.safeParse(json);
  if (!answer.success) return new ApiRefused("unreachable", refusal("api.http-error", null, { url, status }));
  const { code, message, headHash, headSignature, reasons } = answer.data.error;
  if (code === "stale" && headHash && headSignature) return new StaleHead(message, headHash, headSignature);
  if (code === "needs_full_deploy") return new NeedsFullDeploy(message, reasons ?? [message]);
  return new ApiRefused(code, refusal("api.refused", null, { message }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.SocketError) return "the connection broke";
  return (error as NodeJS.ErrnoException).code ?? messageOf(error);
}
