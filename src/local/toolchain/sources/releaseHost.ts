import { EnvHttpProxyAgent, fetch, type Response } from "undici";
import { messageOf } from "../../../domain/errors.ts";

/** How long a host may take, in milliseconds, and how slow it may be. */
export interface Patience {
  /** For any answer at all when a run decides. */
  readonly decide: number;
  /** For a connection, and then for the first byte. */
  readonly answer: number;
  /** A transfer that moves fewer than `bytes` in `milliseconds` has stalled. */
  readonly stall: { readonly bytes: number; readonly milliseconds: number };
}

export const usualPatience: Patience = {
  decide: 4_000,
  answer: 20_000,
  stall: { bytes: 200_000, milliseconds: 20_000 },
};

/** Why a release could not be had: a clause that names the address. The caller decides what follows from it. */
export class ReleaseFailure extends Error {
  override readonly name = "ReleaseFailure";
}

/** Asks release hosts, through the proxies that the environment names. */
export class ReleaseHosts {
  readonly patience: Patience;
  readonly #env: NodeJS.ProcessEnv;
  readonly #agent: EnvHttpProxyAgent;

  constructor(env: NodeJS.ProcessEnv, patience: Patience = usualPatience) {
    this.#env = env;
    this.patience = patience;
    this.#agent = new EnvHttpProxyAgent({
      // Empty, not undefined: the process's own environment is not asked instead.
      httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? "",
      httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? "",
      noProxy: env.no_proxy ?? env.NO_PROXY ?? "",
      connect: { timeout: patience.answer },
      connectTimeout: patience.answer,
      headersTimeout: patience.answer,
      // Silence within a transfer is the stall's to judge.
      bodyTimeout: 0,
    });
  }

  /**
   * The answer's head, with the body still to be read.
   *
   * @throws ReleaseFailure for a host that does not answer, a proxy that does not let through; the signal's reason when aborted
   */
  async get(
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    method = "GET",
  ): Promise<Response> {
    try {
      // Otherwise a host may compress, and what is hashed and resumed is the file itself.
      const sent = { "accept-encoding": "identity", "user-agent": "menagerie", ...headers };
      const answer = await fetch(url, { method, headers: sent, signal, dispatcher: this.#agent });
      if (answer.status === 407) throw new ReleaseFailure(this.#wantsLogin(url));
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ReleaseFailure ? error : new ReleaseFailure(this.explain(url, error), { cause: error });
    }
  }

  /** Whether any answer comes within the patience for a decision; else why not, as a clause. */
  async silence(base: string, signal: AbortSignal): Promise<string | undefined> {
    const limit = AbortSignal.timeout(this.patience.decide);
    try {
      const answer = await this.get(`${base}/`, {}, AbortSignal.any([signal, limit]), "HEAD");
      await answer.body?.cancel();
      // Proxies answer so for hosts that they do not reach.
      return answer.status >= 500 ? `${base} answers ${answer.status}` : undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted) return `${base} does not answer within ${this.patience.decide / 1000} s`;
      if (error instanceof ReleaseFailure) return error.message;
      throw error;
    }
  }

  explain(url: string, error: unknown): string {
    const causes: string[] = [];
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      const { code } = cause as NodeJS.ErrnoException;
      causes.push(`${code ?? ""} ${cause.message}`);
      if (cause instanceof AggregateError)
        causes.push(...cause.errors.map((each) => `${each.code ?? ""} ${each.message}`));
    }
    const text = causes.join(" ");
    const { host } = new URL(url);
    if (/\b407\b/.test(text)) return this.#wantsLogin(url);
    if (/ENOTFOUND|EAI_AGAIN/.test(text)) return `${host} is not known here (no such host)`;
    if (/ECONNREFUSED/.test(text)) return `${host} refuses connections${this.#through(url)}`;
    if (/CONNECT_TIMEOUT|HEADERS_TIMEOUT|ETIMEDOUT/.test(text)) {
      return `${host} does not answer within ${this.patience.answer / 1000} s`;
    }
    if (/Proxy response \((\d+)\)/.test(text))
      return `the proxy does not let through to ${host} (${/\((\d+)\)/.exec(text)?.[1]})`;
    if (/ECONNRESET|other side closed|terminated|EPIPE/.test(text)) return `${host} ended the connection`;
    const innermost = causes.at(-1)?.trim();
    return `${host} cannot be reached (${innermost || messageOf(error)})`;
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #proxy(url: string): string | undefined {
    const { http_proxy, HTTP_PROXY, https_proxy, HTTPS_PROXY } = this.#env;
    const http = http_proxy ?? HTTP_PROXY;
    const proxy = url.startsWith("https:") ? (https_proxy ?? HTTPS_PROXY ?? http) : http;
    // Without the login that it may hold.
    return proxy ? URL.parse(proxy)?.host : undefined;
  }

  #through(url: string): string {
    const proxy = this.#proxy(url);
    return proxy ? ` (by the proxy ${proxy})` : "";
  }

  #wantsLogin(url: string): string {
    const name = url.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY";
    return `the proxy ${this.#proxy(url)} wants a login: set ${name} to http://USER:PASSWORD@${this.#proxy(url)}`;
  }
}
