import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type OutgoingHttpHeaders, request } from "node:http";
import { createInterface } from "node:readline";
import pg from "pg";
import { expect, vi } from "vitest";
import { addressSeal } from "../../src/adapters/postgres/addressSeal.ts";
import { clientConfig } from "../../src/adapters/postgres/server.ts";
import { createPatchStore } from "../../src/adapters/postgres/trussPatches.ts";
import { computePatch } from "../../src/domain/patch/compute.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { makePlatformTables, rolePassword } from "./platformTables.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { type PatchedVersion, type SleepingModel, SleepingModels } from "./sleepingModels.ts";
import type { SleepProcessOptions, SleepProcessPorts } from "./sleepProcess.ts";
import { trussOf } from "./trussOf.ts";

/** A process of the API service. */
export interface SleepApi {
  readonly ports: SleepProcessPorts;
  readonly child: ChildProcess;
  /** Lines that it has logged. */
  readonly log: string[];
}

/** An answer to a client. */
export interface SleepAnswered {
  /** 0 where the connection broke before an answer. */
  readonly status: number;
  readonly text: string;
}

/** What may sleep: a version of the zoo, or one of development. */
export const kinds = ["zoo", "development"] as const;
export type Kind = (typeof kinds)[number];
/** So long that nothing is stopped by itself in a test, in minutes. */
export const never = 1_000;
/** 60 ms. */
export const soon = 0.001;
export const random = (from: number, to: number) => from + Math.random() * (to - from);
/** How long the API server takes to apply by itself, in milliseconds. */
export const usualApplyMs = () => random(0, 5);

const signingKey = "signing key of the tests, which is long enough";
const [image, head] = ["pass", "x = 1"].map((code) => trussOf({ "model/model.py": `class Model: ${code}\n` })) as [
  ReturnType<typeof trussOf>,
  ReturnType<typeof trussOf>,
];

/** Models that sleep, by processes of the API service of their own, on a real PostgreSQL. The cluster is one in memory, in this process. */
export class SleepApis {
  readonly postgres: TestPostgres;
  readonly pool: pg.Pool;
  readonly models: SleepingModels;
  readonly #cluster: string;
  #made = 0;

  private constructor(postgres: TestPostgres, models: SleepingModels, cluster: string) {
    this.postgres = postgres;
    this.models = models;
    this.#cluster = cluster;
    this.pool = new pg.Pool(clientConfig(postgres.server, platformDatabase));
    this.pool.on("error", () => {});
  }

  static async open(): Promise<SleepApis> {
    const postgres = await startPostgres();
    await makePlatformTables(postgres.server);
    const models = new SleepingModels({ startMs: () => random(10, 60), endMs: () => random(0, 15) });
    models.applyMs = usualApplyMs;
    return new SleepApis(postgres, models, await models.listen());
  }

  async close(): Promise<void> {
    this.models.close();
    await this.pool.end();
    await this.postgres.stop();
  }

  async start(options: Partial<SleepProcessOptions> = {}): Promise<SleepApi> {
    const script = new URL("sleepProcess.ts", import.meta.url).pathname;
    const all: SleepProcessOptions = {
      database: { ...this.postgres.server, user: roles.api, password: rolePassword },
      cluster: this.#cluster,
      signingKey,
      leaseSeconds: 3,
      everyMs: 100,
      holdMs: 20_000,
      maxHeld: 256,
      ...options,
    };
    const child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"] });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return { ports: JSON.parse(line) as SleepProcessPorts, child, log };
  }

  /** Runs `work` with processes that are ended after it; `options` may tell them apart by their places. */
  async with(
    count: number,
    options: Partial<SleepProcessOptions> | ((place: number) => Partial<SleepProcessOptions>),
    work: (apis: SleepApi[]) => Promise<void>,
  ): Promise<void> {
    const of = typeof options === "function" ? options : () => options;
    const apis = await Promise.all(Array.from({ length: count }, (_, place) => this.start(of(place))));
    try {
      await work(apis);
    } finally {
      await Promise.all(apis.map(ended));
    }
  }

  async newModel(kind: Kind, idleMinutes: number): Promise<SleepingModel> {
    this.#made += 1;
    const name = `${kind}-${this.#made}`;
    const version = kind === "development" ? { version: await this.#newVersion(name) } : {};
    return this.models.deploy(name, idleMinutes, version);
  }

  /** Resolves once the cluster is told to stop it. */
  async stopped({ name }: SleepingModel): Promise<void> {
    await vi.waitFor(() => expect(this.models.isStopped(name)).toBe(true), { timeout: 30_000, interval: 20 });
  }

  /** Resolves once the database has it in a phase. */
  async inPhase({ name }: SleepingModel, phase: string): Promise<void> {
    const asked = "SELECT phase FROM menagerie.sleep_state WHERE service = $1";
    await vi.waitFor(async () => expect((await this.pool.query(asked, [name])).rows).toEqual([{ phase }]), {
      timeout: 30_000,
      interval: 20,
    });
  }

  /** A development version with one patch. */
  async #newVersion(name: string): Promise<PatchedVersion> {
    const { rows } = await this.pool.query<{ id: string }>(
      `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                  SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id)
       INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development)
       SELECT id, 1, $2, true FROM m RETURNING id`,
      [name, image.hash],
    );
    const { id = "" } = rows[0] ?? {};
    const store = createPatchStore(this.pool, addressSeal(signingKey));
    await store.ensureGeneration(id, image.hash, image.signature);
    const plan = computePatch(image.signature, head.snapshot);
    if (!("patches" in plan)) throw new Error("the edit is not a patch");
    const patch = { prevHash: image.hash, nextHash: head.hash, ops: plan.patches, requirements: [] };
    await store.appendSigned(id, patch, head.signature);
    return { id, imageHash: image.hash, headHash: head.hash };
  }
}

/** Ends a process, in whatever state it is. */
export async function ended({ child }: SleepApi): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** As a route sends it: a header names the version, or the path that of a development version. */
export function ask(
  { ports }: Pick<SleepApi, "ports">,
  model: Pick<SleepingModel, "name" | "version">,
  what: string,
  headers = {},
): Promise<SleepAnswered> {
  const { port, path, own } = model.version
    ? { port: ports.api, path: `/development/${model.version.id}/v1/models/model:predict`, own: {} }
    : { port: ports.front, path: "/v1/models/model:predict", own: { "x-menagerie-version": model.name } };
  return post(port, path, { ...own, "x-ask": what, ...headers });
}

/** As a route sends a copy, with the headers of what it is a copy of. */
export function askCopy(
  { ports }: Pick<SleepApi, "ports">,
  copied: { readonly of: Pick<SleepingModel, "name">; readonly to: Pick<SleepingModel, "name"> },
  what: string,
): Promise<SleepAnswered> {
  const headers = { "x-menagerie-version": copied.of.name, "x-menagerie-copied-to": copied.to.name };
  return post(ports.copies, "/v1/models/model:predict", { ...headers, "x-ask": what });
}

function post(port: number, path: string, headers: OutgoingHttpHeaders): Promise<SleepAnswered> {
  return new Promise((resolve) => {
    const sent = request({ port, method: "POST", path, agent: false, headers });
    let text = "";
    sent.once("response", (response) => {
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", () => resolve({ status: 0, text }));
    });
    sent.once("error", () => resolve({ status: 0, text }));
    sent.end("body");
  });
}
