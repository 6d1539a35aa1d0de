import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type pg from "pg";
import { pino } from "pino";
import { databaseRecordings } from "../../src/adapters/postgres/console/recordings.ts";
import { databaseSessions } from "../../src/adapters/postgres/console/sessions.ts";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import type { PoolUse } from "../../src/domain/capacity/poolUse.ts";
import type { ServedState } from "../../src/domain/console/cards.ts";
import { roles } from "../../src/domain/platformDatabase.ts";
import type { DeployedShadow } from "../../src/domain/shadow/deployed.ts";
import { consolePools } from "../../src/services/console/pools.ts";
import { consoleReads } from "../../src/services/console/reads.ts";
import { createConsoleServer } from "../../src/services/console/server.ts";
import { rolePassword } from "./platformTables.ts";

/** The console's real server over a real database, by its own login. */
export interface TestConsole {
  readonly url: string;
  /** What the cluster serves; a test may set it. */
  served: readonly ServedState[];
  /** The GPUs of its pools; a test may set them. */
  pools: readonly PoolUse[];
  /** The stack's shadow deployments; a test may set them. */
  shadows: Readonly<Record<string, DeployedShadow>>;
  /** The console's own way to sessions. */
  readonly pool: pg.Pool;
  /** What it logged. */
  readonly logged: readonly string[];
  /** Logs in with a key, and answers a browser's way of asking. */
  login(key: string): Promise<TestBrowser>;
  stop(): Promise<void>;
}

const browserName = "Browser/1";

/** Asks as a browser does that has the session's cookie. */
export interface TestBrowser {
  readonly cookie: string;
  /** Its name for itself. */
  readonly name: string;
  get(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string; headers: Headers }>;
  /** Sends a form of a page of the console. */
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** Token of the forms of a page. */
  token(): Promise<string>;
}

export async function startConsole(server: DatabaseServer): Promise<TestConsole> {
  const logged: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
  const login = { ...server, user: roles.console, password: rolePassword };
  const pools = consolePools(login, (error) => log.warn({ err: error }, "a connection broke"));
  const shown: Pick<TestConsole, "served" | "pools" | "shadows"> = { served: [], pools: [], shadows: {} };
  const reads = consoleReads(pools.reads, {
    served: async () => shown.served,
    pools: async () => shown.pools,
    shadows: async () => shown.shadows,
  });
  const http = await createConsoleServer({
    environment: "test",
    suffix: "",
    sessions: databaseSessions(pools.sessions),
    recordings: databaseRecordings(pools.sessions),
    reads,
    now: () => new Date(),
    log,
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    url,
    pool: pools.sessions,
    logged,
    get served() {
      return shown.served;
    },
    set served(states) {
      shown.served = states;
    },
    get pools() {
      return shown.pools;
    },
    set pools(uses) {
      shown.pools = uses;
    },
    get shadows() {
      return shown.shadows;
    },
    set shadows(deployments) {
      shown.shadows = deployments;
    },
    async login(key) {
      const answer = await sendForm(`${url}/login`, { key, next: "/" });
      const cookie = /^[^;]+/.exec(answer.headers.get("set-cookie") ?? "")?.[0];
      if (answer.status !== 303 || cookie === undefined) throw new Error(`login answered ${answer.status}`);
      return browser(url, cookie);
    },
    async stop() {
      http.close();
      http.closeAllConnections();
      await pools.end();
    },
  };
}

/** A form that a page of the same origin sends. */
export function sendForm(
  url: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    redirect: "manual",
    headers: { origin: new URL(url).origin, "user-agent": browserName, ...headers },
    body: new URLSearchParams(form),
  });
}

function browser(url: string, cookie: string): TestBrowser {
  const get: TestBrowser["get"] = async (path, headers = {}) => {
    const answer = await fetch(url + path, {
      redirect: "manual",
      headers: { cookie, "user-agent": browserName, ...headers },
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
  return {
    cookie,
    name: browserName,
    get,
    post: (path, form, headers = {}) => sendForm(url + path, form, { cookie, ...headers }),
    async token() {
      const { text } = await get("/apps");
      return /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "";
    },
  };
}
