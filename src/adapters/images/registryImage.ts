import { EnvHttpProxyAgent, fetch, type Response } from "undici";
import { messageOf } from "../../domain/errors.ts";
import type { ImageStanding } from "../../domain/zoo/goneImages.ts";
import type { LoginSource, RegistryLogin } from "./registryLogins.ts";
import { acceptedManifests, type RegistryChallenge, registryChallenge, tokenIn } from "./registryProtocol.ts";

const withinMs = 5_000;

interface Manifest {
  readonly host: string;
  readonly repository: string;
  readonly url: string;
}

/**
 * Asks a registry whether it holds an image: as nobody first, and where it wants a login with those of `sources`, one after the
 * other. One that lets none of them in, or does not answer, leaves it open.
 *
 * @param reference `<host>/<repository>@sha256:<64 hex>`
 */
export async function registryHolds(reference: string, sources: readonly LoginSource[]): Promise<ImageStanding> {
  const [, host = "", repository = "", digest = ""] = /^([^/]+)\/(.+)@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  if (!/[.:]|^localhost$/.test(host)) return { state: "unknown", because: `"${reference}" names no registry` };
  const scheme = isThisMachine(host) ? "http" : "https";
  const url = `${scheme}://${host}/v2/${repository}/manifests/${digest}`;
  try {
    return await standingOf({ host, repository, url }, sources);
  } catch (error) {
    return { state: "unknown", because: `${host} does not answer: ${reasonOf(error)}` };
  }
}

async function standingOf(manifest: Manifest, sources: readonly LoginSource[]): Promise<ImageStanding> {
  const { host, repository } = manifest;
  const answer = await head(manifest.url);
  if (answer.ok) return { state: "stored" };
  if (answer.status === 404) return { state: "gone" };
  if (answer.status !== 401 && answer.status !== 403) {
    return { state: "unknown", because: `${host} answers HTTP ${answer.status}` };
  }
  const challenge = registryChallenge(answer.headers.get("www-authenticate"), repository) ?? { scheme: "basic" };
  // Public repositories of registries that give everybody a token. One that is not shown to everybody looks as if it were not there.
  if (challenge.scheme === "bearer" && (await asked(manifest, challenge, undefined)) === 200)
    return { state: "stored" };
  // A registry says itself where passwords are to be sent.
  if (
    challenge.scheme === "bearer" &&
    challenge.address.protocol !== "https:" &&
    !isThisMachine(challenge.address.host)
  ) {
    const because = `${host} wants logins to be sent to ${challenge.address.host} without encryption, so none was`;
    return { state: "unknown", because };
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
      const status = await asked(manifest, challenge, login);
      if (status === 200) return { state: "stored" };
      if (status === 404) return { state: "gone" };
      refused.push(`it refuses that of ${source.name} (HTTP ${status})`);
    }
  }
  return { state: "unknown", because: `${host} wants a login${refused.map((each) => `; ${each}`).join("")}` };
}

/** The status of the answer to one login, or to nobody's where that gets a token. */
async function asked(
  { url }: Manifest,
  challenge: RegistryChallenge,
  login: RegistryLogin | undefined,
): Promise<number> {
  if (challenge.scheme === "basic") return login ? (await head(url, basic(login))).status : 401;
  const granted = await tokenAnswer(challenge, login);
  const token = granted.ok ? tokenIn(await granted.json().catch(() => undefined)) : undefined;
  await granted.body?.cancel().catch(() => {});
  if (token === undefined) return granted.ok ? 401 : granted.status;
  return (await head(url, `Bearer ${token}`)).status;
}

function tokenAnswer(
  { address, service, scope }: Extract<RegistryChallenge, { scheme: "bearer" }>,
  login: RegistryLogin | undefined,
): Promise<Response> {
  if (login?.identityToken === undefined)
    return send(address.href, "GET", login ? { authorization: basic(login) } : {});
  const form = { grant_type: "refresh_token", client_id: "menagerie", refresh_token: login.identityToken, scope };
  const body = new URLSearchParams(service === undefined ? form : { ...form, service });
  return send(address.origin + address.pathname, "POST", {}, body);
}

async function head(url: string, authorization?: string): Promise<Response> {
  return send(url, "HEAD", { accept: acceptedManifests, ...(authorization ? { authorization } : {}) });
}

/** By the proxies that the environment names, but for this machine. A host that sends on to another says nothing of images, and that gets no login. */
function send(
  url: string,
  method: "GET" | "HEAD" | "POST",
  headers: Readonly<Record<string, string>>,
  body?: URLSearchParams,
): Promise<Response> {
  return fetch(url, {
    ...{ method, headers: { ...headers }, signal: AbortSignal.timeout(withinMs), redirect: "manual" },
    ...(body ? { body } : {}),
    ...(url.startsWith("https:") ? { dispatcher: new EnvHttpProxyAgent() } : {}),
  });
}

/** Whose registries speak HTTP, as Docker takes it too. */
function isThisMachine(host: string): boolean {
  return /^(localhost|127\.0\.0\.1)(:|$)/.test(host);
}

function basic({ username, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** The client's own message says only that it failed. */
function reasonOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && cause.message ? cause.message : messageOf(error);
}
