import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { clientConfig, type DatabaseServer } from "../../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../../src/domain/platformDatabase.ts";
import type { KillPoint } from "../killing/killedAtPoints.ts";
import { rolePassword } from "../platformTables.ts";
import type { TestRollout } from "../rolloutTables.ts";
import { faultAt, movedForward } from "./held.ts";

/** What an app's client got: the version that answered, `refused` or `broken` where there was no answer. */
type Answered = "1" | "2" | "refused" | "broken";

/**
 * Kills the API service with SIGKILL while guards are at these points of taking rollouts back, and starts it again, under requests to their apps.
 * Checks that everything happened once, that no client got an answer of another kind than from one of the two versions, and that all apps are
 * answered by the old version in the end. Answers how many guards were in the middle, and how many requests had no answer.
 */
export async function apiKilledAt(server: DatabaseServer, points: readonly KillPoint[], apps = 4) {
  const rollouts = await movedForward(server, points, apps);
  const ids = (await Promise.all(rollouts.map(appsOf))).flat();
  const versions = await Promise.all(["1", "2"].map(startVersion));
  const api = new KillableApi(
    server,
    versions.map(({ origin }) => origin),
  );
  await api.start();
  try {
    expect(await Promise.all(ids.map((id) => api.ask(id)))).toEqual(ids.map(() => "2"));
    const asked = new Map<Answered, number>();
    let isOver = false;
    const clients = Array.from({ length: 4 }, async (_, place) => {
      for (let next = place; !isOver; next += 4) {
        const answered = await api.ask(ids[next % ids.length] ?? "");
        asked.set(answered, (asked.get(answered) ?? 0) + 1);
        await delay(20);
      }
    });
    const stopped = await faultAt({ rollouts, points, apps }, async () => {
      await api.kill();
      await expect.poll(() => asked.get("refused")).toBeGreaterThan(0);
      await api.start();
      const before = asked.get("1") ?? 0;
      await expect.poll(() => asked.get("1")).toBeGreaterThan(before);
    });
    isOver = true;
    await Promise.all(clients);
    // A pointer is a second old at most.
    await expect
      .poll(async () => (await Promise.all(ids.map((id) => api.ask(id)))).filter((answered) => answered !== "1"))
      .toEqual([]);
    return { stopped, unanswered: (asked.get("refused") ?? 0) + (asked.get("broken") ?? 0) };
  } finally {
    await api.kill();
    for (const { close } of versions) close();
  }
}

/** Ids of its apps, by which clients ask. */
async function appsOf({ query, from, to }: TestRollout): Promise<string[]> {
  const rows = await query<{ id: string }>(
    "SELECT model_id AS id FROM menagerie.model_version WHERE proxy_model_version_id IN ($1, $2)",
    [from, to],
  );
  return rows.map(({ id }) => id);
}

/** Answers its number. */
async function startVersion(number: string) {
  const version = createServer((_, response) => response.end(number)).listen(0, "127.0.0.1");
  await once(version, "listening");
  const origin = `http://127.0.0.1:${(version.address() as AddressInfo).port}`;
  return {
    origin,
    close() {
      version.closeAllConnections();
      version.close();
    },
  };
}

class KillableApi {
  readonly #pool: string;
  readonly #origins: readonly string[];
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(server: DatabaseServer, origins: readonly string[]) {
    this.#pool = JSON.stringify(clientConfig({ ...server, user: roles.api, password: rolePassword }, platformDatabase));
    this.#origins = origins;
  }

  async start(): Promise<void> {
    const script = join(import.meta.dirname, "..", "countingPodProcess.ts");
    const child = spawn(process.execPath, [script, "api", ...this.#origins], {
      env: { ...process.env, POOL: this.#pool },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    this.#port = Number(port);
  }

  async kill(): Promise<void> {
    const ended = this.#child && once(this.#child, "exit");
    this.#child?.kill("SIGKILL");
    await ended;
    this.#child = undefined;
  }

  async ask(app: string): Promise<Answered> {
    const url = `http://127.0.0.1:${this.#port}/models/${app}/predict`;
    try {
      const response = await fetch(url, { method: "POST", body: "x" });
      const text = await response.text();
      if (response.status !== 200 || (text !== "1" && text !== "2")) throw new Error(`${response.status} ${text}`);
      return text;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const { code } = (error.cause ?? {}) as { readonly code?: string };
      return code === "ECONNREFUSED" ? "refused" : "broken";
    }
  }
}
