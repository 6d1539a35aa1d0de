import { type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from "undici";
import { messageOf } from "../../domain/errors.ts";
import type { RegistryReference } from "../../domain/images/imageManifest.ts";
import type { LoginSource, RegistryLogin } from "./registryLogins.ts";
import { type RegistryChallenge, registryChallenge, tokenIn } from "./registryProtocol.ts";

/** One repository of a registry, and how it is reached. */
export interface RegistryPlace extends Pick<RegistryReference, "host" | "repository"> {
  /** How connections are made. @default by the proxies that the environment names, but for this machine */
  readonly dispatcher?: Dispatcher;
  /** Until an answer begins; milliseconds. */
  readonly withinMs: number;
  readonly signal?: AbortSignal;
}

export interface RegistryRequest {
  readonly method: "GET" | "HEAD";
  /** Below `/v2/<repository>/`, such as `manifests/sha256:…`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A host that sends on to another says nothing of images itself; blobs may lie with another. @default false */
  readonly follow?: boolean;
}

/** The first answer that counts, with the header `authorization` that got it, or why there is none. */
export type RegistryAnswer =
  | { readonly response: Response; readonly authorization: string | undefined }
  | { readonly reason: string };

/**
 * Asks a registry as nobody first, and where it wants a login with those of `sources`, one after the other. What it shows to everybody
 * by a token counts only if it is there: a repository that is not shown looks as if it were gone.
 */
export async function askRegistry(
  place: RegistryPlace,
  request: RegistryRequest,
  sources: readonly LoginSource[],
): Promise<RegistryAnswer> {
  const { host, repository } = place;
  const first = await sendTo(place, request);
  if (first.ok || first.status === 404) return { response: first, authorization: undefined };
  await dropped(first);
  if (first.status !== 401 && first.status !== 403) return { reason: `${host} answers HTTP ${first.status}` };
  const challenge = registryChallenge(first.headers.get("www-authenticate"), repository) ?? { scheme: "basic" };
  if (challenge.scheme === "bearer") {
    const asNobody = await asked(place, request, challenge, undefined);
    if (asNobody.response?.ok) return { response: asNobody.response, authorization: asNobody.authorization };
    await dropped(asNobody.response);
    // A registry says itself where passwords are to be sent.
    if (challenge.address.protocol !== "https:" && !isThisMachine(challenge.address.host)) {
      return {
        reason: `${host} wants logins to be sent to ${challenge.address.host} without encryption, so none was`,
      };
    }
  }
  const refused: string[] = [];
  for (const source of sources) {
    const logins = await source.logins(host, repository).catch((error: unknown) => reasonOf(error));
    if (typeof logins === "string") {
      refused.push(`${source.name} cannot be read (${logins})`);
      continue;
    }
    if (logins.length === 0) refused.push(`${source.name} has no login for it`);
    for (const login of logins) {
      const { response, authorization, status } = await asked(place, request, challenge, login);
      if (response?.ok || response?.status === 404) return { response, authorization };
      await dropped(response);
      refused.push(`it refuses that of ${source.name} (HTTP ${status})`);
    }
  }
  return { reason: `${host} wants a login${refused.map((each) => `; ${each}`).join("")}` };
}

/** One request as somebody who was let in before. */
export function sendTo(place: RegistryPlace, request: RegistryRequest, authorization?: string): Promise<Response> {
  const { host, repository } = place;
  const scheme = isThisMachine(host) ? "http" : "https";
  const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
  return send(place, `${scheme}://${host}/v2/${repository}/${request.path}`, {
    method: request.method,
    headers,
    redirect: request.follow ? "follow" : "manual",
  });
}

/** The client's own message says only that it failed. */
export function reasonOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && cause.message ? cause.message : messageOf(error);
}

interface Asked {
  /** Undefined where no token was given. */
  readonly response?: Response;
  readonly authorization?: string;
  readonly status: number;
}

/** The answer to one login, or to nobody's where that gets a token. */
async function asked(
  place: RegistryPlace,
  request: RegistryRequest,
  challenge: RegistryChallenge,
  login: RegistryLogin | undefined,
): Promise<Asked> {
  if (challenge.scheme === "basic") return login ? as(basic(login)) : { status: 401 };
  const granted = await tokenAnswer(place, challenge, login);
  const token = granted.ok ? tokenIn(await granted.json().catch(() => undefined)) : undefined;
  await dropped(granted);
  return token === undefined ? { status: granted.ok ? 401 : granted.status } : as(`Bearer ${token}`);

  async function as(authorization: string): Promise<Asked> {
    const response = await sendTo(place, request, authorization);
    return { response, authorization, status: response.status };
  }
}

function tokenAnswer(
  place: RegistryPlace,
  { address, service, scope }: Extract<RegistryChallenge, { scheme: "bearer" }>,
  login: RegistryLogin | undefined,
): Promise<Response> {
  if (login?.identityToken === undefined) {
    const headers: Record<string, string> = login ? { authorization: basic(login) } : {};
    return send(place, address.href, { method: "GET", headers, redirect: "manual" });
  }
  const form = { grant_type: "refresh_token", client_id: "menagerie", refresh_token: login.identityToken, scope };
  const body = new URLSearchParams(service === undefined ? form : { ...form, service });
  return send(place, address.origin + address.pathname, { method: "POST", headers: {}, redirect: "manual", body });
}

interface Sent {
  readonly method: "GET" | "HEAD" | "POST";
  readonly headers: Record<string, string>;
  readonly redirect: "follow" | "manual";
  readonly body?: URLSearchParams;
}

async function send({ dispatcher, withinMs, signal }: RegistryPlace, url: string, sent: Sent): Promise<Response> {
  const inTime = new AbortController();
  const timer = setTimeout(() => inTime.abort(new Error(`no answer within ${withinMs / 1000} s`)), withinMs);
  const how = dispatcher ?? (url.startsWith("https:") ? new EnvHttpProxyAgent() : undefined);
  try {
    return await fetch(url, {
      ...sent,
      signal: signal ? AbortSignal.any([signal, inTime.signal]) : inTime.signal,
      ...(how ? { dispatcher: how } : {}),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** So that its connection can be used again. */
async function dropped(response: Response | undefined): Promise<void> {
  await response?.body?.cancel().catch(() => {});
}

/** Whose registries speak HTTP, as Docker takes it too. */
function isThisMachine(host: string): boolean {
  return /^(localhost|127\.0\.0\.1)(:|$)/.test(host);
}

function basic({ username, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
