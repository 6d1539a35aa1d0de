import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Logger } from "pino";
import { isDatabaseDown, sqlState } from "../../adapters/postgres/server.ts";
import type { Viewer } from "../../domain/access/roles.ts";
import { type ConsoleAssets, consolePage, loginForm, sectionsOf, sorry } from "../../domain/console/frame.ts";
import { enterPath } from "../../domain/console/link.ts";
import type { SessionProof, Sessions } from "../../domain/console/ports.ts";
import type { RecordingReads } from "../../domain/console/recordings.ts";
import { consoleStyle } from "../../domain/console/style.ts";
import { messageOf } from "../../domain/errors.ts";
import type { Markup } from "../../domain/page/markup.ts";
import { ApiError } from "../api/apiError.ts";
import { freshCache } from "../api/freshCache.ts";
import { readBytes } from "../api/requestBody.ts";
import { type ChangeFeed, changeFeed } from "./changes.ts";
import { browserOf, sessionCookie, sessionIn } from "./cookies.ts";
import { type NoteBodies, type PageParts, PageRefused, showPage } from "./pages.ts";
import { isOwnForm, isTokenOf, tokenOf } from "./sameSite.ts";

/** What the console works with. */
export interface ConsoleParts extends PageParts {
  /** Name of the environment, for titles. */
  readonly environment: string;
  readonly sessions: Sessions;
  /** What is recorded, as a session may see it. */
  readonly recordings: (proof: SessionProof) => RecordingReads;
  readonly log: Logger;
}

/** A form is a key and little more. Bytes. */
const longestForm = 4_096;
/** How often a page that is open is asked whether its session goes on, in milliseconds. */
const checkEveryMs = 5_000;
const mostListeners = 200;

/**
 * Nothing but the console's own style, script, requests and forms: whatever a name or an error text holds, a browser runs nothing of it and asks
 * no other host.
 */
const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  // Forms say where they come from only where this lets them.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

/** Server-rendered pages; reading them needs no script. */
export async function createConsoleServer(parts: ConsoleParts): Promise<Server> {
  const { sessions, environment, log } = parts;
  const assets = await loadAssets();
  const changes = changeFeed(parts.reads.mark, (error) =>
    log.warn({ err: error }, `changes are not seen: ${messageOf(error)}`),
  );

  // Whoever reaches the port may ask it, so that it costs one question a second at most.
  const ready = freshCache(parts.reads.mark, { freshFor: 1_000 });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? "/", "http://console");
    if (!url) return sendText(response, 400, "bad request\n");
    const asset = assets.files.get(url.pathname);
    if (asset && isRead(request)) return sendAsset(request, response, asset);
    if (url.pathname === "/healthz") return sendText(response, 200, "ok\n");
    if (url.pathname === "/readyz") {
      await ready("");
      return sendText(response, 200, "ok\n");
    }
    if (request.method === "POST") return take(request, response, url);
    if (!isRead(request)) return sendText(response, 405, "method not allowed\n", { allow: "GET, HEAD, POST" });
    if (url.pathname === enterPath && !isHead(request)) return enter(request, response, url);
    if (url.pathname === "/login") return send(response, 200, login(nextIn(url.searchParams.get("next"))));

    const proof = sessionIn(request);
    const isUsed = request.headers["x-menagerie-live"] === undefined && url.pathname !== "/events";
    const viewer = proof && (await sessions.viewer(proof, isUsed));
    if (!proof || !viewer) {
      const next = url.pathname === "/" ? "" : `?${new URLSearchParams({ next: url.pathname + url.search })}`;
      return url.pathname === "/events"
        ? sendText(response, 401, "log in first\n")
        : redirect(response, `/login${next}`);
    }
    if (url.pathname === "/events") return listen(response, changes, () => sessions.viewer(proof, false));
    if (url.pathname === "/") return redirect(response, sectionsOf(viewer)[0]?.path ?? "/apps");
    const seen = { by: viewer, token: tokenOf(proof.id) };
    try {
      const noteBodies: NoteBodies = (bodies) => sessions.noteBodies(proof, bodies);
      const shown = await showPage(parts, { viewer, recorded: parts.recordings(proof), noteBodies }, url);
      return send(response, 200, page({ ...shown, seen }), isHead(request));
    } catch (error) {
      const { status, title, sentence } = refusalOf(error);
      if (status >= 500) tell(error, url);
      return send(response, status, page({ title, main: sorry(title, sentence), seen }), isHead(request));
    }
  }

  /** A link of `menagerie console`. One in another site's page begins no session, so that nobody works in a session of somebody else's. */
  async function enter(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const site = request.headers["sec-fetch-site"] ?? "none";
    const begun = site === "none" && (await sessions.enter(url.searchParams.get("code") ?? "", browserOf(request)));
    if (!begun)
      return send(
        response,
        403,
        login("/", "This link was used, or is older than a minute: `menagerie console` prints another."),
      );
    return startSession(request, response, begun, "/");
  }

  /** Another session of the same browser is over: one that was planted would be seen by whoever planted it. */
  async function startSession(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    next: string,
  ): Promise<void> {
    const before = sessionIn(request);
    if (before) await sessions.end(before);
    return redirect(response, next, { "set-cookie": sessionCookie(id, request) });
  }

  async function take(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!isOwnForm(request)) return sendText(response, 403, "this form comes from another page\n");
    const form = new URLSearchParams((await readBytes(request, longestForm)).toString("utf8"));
    const proof = sessionIn(request);
    if (url.pathname === "/login") {
      const next = nextIn(form.get("next"));
      const begun = await sessions.begin((form.get("key") ?? "").trim(), browserOf(request));
      if (begun === undefined) {
        const wrong = "This key is wrong or revoked, or it has no role.";
        return send(response, 403, login(next, wrong));
      }
      return startSession(request, response, begun, next);
    }
    if (url.pathname !== "/logout") return sendText(response, 404, "not found\n");
    if (!proof || !isTokenOf(proof.id, form.get("token") ?? ""))
      return sendText(response, 403, "this form is not of your session; load the page again\n");
    await sessions.end(proof);
    return redirect(response, "/login", { "set-cookie": sessionCookie(undefined, request) });
  }

  const page = (shown: {
    readonly title: string;
    readonly main: Markup;
    readonly section?: string;
    readonly isStill?: boolean | undefined;
    readonly seen?: { readonly by: Viewer; readonly token: string };
  }) => consolePage({ environment, assets: assets.paths, ...shown });
  const login = (next: string, wrong?: string) => page({ title: "Log in", main: loginForm({ next, wrong }) });
  const tell = (error: unknown, url: URL): void =>
    log.warn({ err: error, path: url.pathname, id: randomUUID() }, `a page failed: ${messageOf(error)}`);

  return createServer((request, response) => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    response.setHeader("cache-control", "no-store");
    answer(request, response).catch((error: unknown) => {
      log.warn({ err: error }, `a request failed: ${messageOf(error)}`);
      if (response.headersSent) return response.destroy();
      const { status, sentence } = refusalOf(error);
      return sendText(response, status, `${sentence}\n`);
    });
  });
}

/** What a reader is told of what failed: never more than that, for an error's own text may hold anything. */
function refusalOf(error: unknown): { readonly status: number; readonly title: string; readonly sentence: string } {
  if (error instanceof PageRefused) {
    return {
      status: error.status,
      title: error.status === 403 ? "Not for this key" : "Not found",
      sentence: error.message,
    };
  }
  if (error instanceof ApiError) return { status: error.status, title: "Refused", sentence: error.message };
  // 57014: a statement was cut at its limit.
  if (sqlState(error) === "57014")
    return {
      status: 503,
      title: "Too slow",
      sentence: "The database took more than 2 s, and the question was ended. Load the page again.",
    };
  if (isDatabaseDown(error))
    return {
      status: 503,
      title: "No database",
      sentence: "The database does not answer. Load the page again in a moment.",
    };
  return { status: 500, title: "Failed", sentence: "The page could not be made. The console’s log says why." };
}

/** Tells a page of changes until it leaves or its session is over. */
function listen(response: ServerResponse, changes: ChangeFeed, viewer: () => Promise<Viewer | undefined>): void {
  if (changes.listeners >= mostListeners) {
    sendText(response, 503, "too many pages are open\n");
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  const write = (event: string): boolean => response.write(`event: ${event}\ndata:\n\n`);
  response.write("retry: 2000\n\n");
  const stop = changes.listen(write);
  const check = setInterval(() => {
    viewer().then(
      (found) => {
        if (found) return response.write(": still there\n\n");
        write("ended");
        return response.end();
      },
      // The database is away: pages say so when they are loaded.
      () => undefined,
    );
  }, checkEveryMs);
  response.once("close", () => {
    stop();
    clearInterval(check);
  });
}

const isHead = ({ method }: IncomingMessage): boolean => method === "HEAD";
const isRead = ({ method }: IncomingMessage): boolean => method === "GET" || method === "HEAD";

/** Where a login leads: a path of the console, never another host. */
function nextIn(given: string | null): string {
  return given !== null && /^\/(?:[a-z][\w%./?=&+:-]*)?$/i.test(given) ? given : "/";
}

function send(response: ServerResponse, status: number, text: string, isHead = false): void {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "content-length": Buffer.byteLength(text) });
  response.end(isHead ? undefined : text);
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(text);
}

function redirect(response: ServerResponse, location: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(303, { location, ...headers }).end();
}

interface Asset {
  readonly type: string;
  readonly content: string;
}

/** Style and script by paths that change with what they hold, so that browsers may keep them. */
async function loadAssets(): Promise<{ readonly paths: ConsoleAssets; readonly files: ReadonlyMap<string, Asset> }> {
  const script = await readFile(join(import.meta.dirname, "live.mjs"), "utf8");
  const pathOf = (content: string, ending: string) =>
    `/assets/${createHash("sha256").update(content).digest("hex").slice(0, 16)}.${ending}`;
  const paths = { style: pathOf(consoleStyle, "css"), script: pathOf(script, "js") };
  const files = new Map([
    [paths.style, { type: "text/css; charset=utf-8", content: consoleStyle }],
    [paths.script, { type: "text/javascript; charset=utf-8", content: script }],
  ]);
  return { paths, files };
}

function sendAsset(request: IncomingMessage, response: ServerResponse, { type, content }: Asset): void {
  response.writeHead(200, { "content-type": type, "cache-control": "public, max-age=31536000, immutable" });
  response.end(isHead(request) ? undefined : content);
}
