import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, type TestContext } from "vitest";
import { createControlClient } from "../../src/adapters/controlTruss/client.ts";
import { imageReference } from "../../src/adapters/images/imageStore.ts";
import { createDirectoryBuilder } from "../../src/adapters/truss/builder.ts";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { headOf } from "../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../src/domain/patch/operation.ts";
import type { ControlServer } from "../../src/domain/patch/ports.ts";
import { sync } from "../../src/domain/patch/sync.ts";
import type { SyncOptions } from "../../src/domain/patch/turn.ts";
import { silent } from "../../src/domain/progress.ts";
import { contentHash, hashSnapshot } from "../../src/domain/truss/hash.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { MemoryStore } from "../unit/domain/patch/world/memoryStore.ts";
import { type ControlContainer, runControlContainer } from "./controlTrussProcess.ts";
import { predict } from "./imageProcess.ts";

const multiplier = join(import.meta.dirname, "../../models/multiplier");
const cache = menagerieCache();
const signal = new AbortController().signal;
let work: string;
let images: string;
let reference: string;
/** Hash of the image's own content. */
export let baseHash: string;
/** Answers pings of starting containers: it accepts them, so they wait for a sync. */
let pings: Server;
let pingUrl: string;

/** Builds the image before a file's tests. */
export function useControlTruss(): void {
  beforeAll(prepare, 600_000);
  afterAll(async () => {
    pings.close();
    await rm(work, { recursive: true, force: true });
  });
}

async function prepare(): Promise<void> {
  work = await mkdtemp(join(tmpdir(), "menagerie-control-truss-"));
  images = join(work, "images");
  const folder = join(work, "dev");
  await cp(multiplier, folder, { recursive: true });
  await writeFile(
    join(folder, "config.yaml"),
    `${await readFile(join(folder, "config.yaml"), "utf8")}live_reload: true\n`,
  );
  await writeFile(join(folder, "model", "model.py"), answering("v0"));
  const python = await ensurePythonLayers({ cache, progress: silent, signal });
  const { snapshot, patterns } = await readTruss(folder);
  baseHash = hashSnapshot(snapshot, patterns);
  const builder = createDirectoryBuilder({ store: images, cache, python, progress: silent, signal });
  reference = imageReference(await builder.build({ folder, hash: baseHash, name: "dev" }));
  pings = createServer({ keepAliveTimeout: 0 }, (_, response) => response.end('{"accepted": true}'));
  await new Promise<void>((resolve) => pings.listen(0, "127.0.0.1", resolve));
  const address = pings.address();
  pingUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/ping`;
}

/** A model whose every prediction is `text`. */
export function answering(text: string): string {
  return `class Model:\n    def predict(self, model_input):\n        return ${JSON.stringify(text)}\n`;
}

export const edit = (content: string, hot = false): PatchOperation => ({
  type: "model_code",
  body: { action: "UPDATE", path: "model.py", content, ...(hot ? { hot_reload: true as const } : {}) },
});
export const hashOf = (text: string): string => (text === answering("v0") ? baseHash : contentHash(Buffer.from(text)));

/** A development version: its chain, and the container that runs it until the test has ended. */
export class Version {
  readonly store = new MemoryStore(baseHash);
  container!: ControlContainer;
  control!: ReturnType<typeof createControlClient>;
  readonly #ends: TestContext["onTestFinished"];

  constructor({ onTestFinished }: TestContext) {
    this.#ends = onTestFinished;
  }

  async run(env: Readonly<Record<string, string>> = { PATCH_PING_URL_TRUSS: pingUrl }): Promise<this> {
    this.container = await runControlContainer(images, reference, {
      HASH_TRUSS: baseHash,
      // Bytecode is told from its source by size and second: two saves within one would serve the earlier one.
      PYTHONDONTWRITEBYTECODE: "1",
      ...env,
    });
    const { url, startedAt, stop } = this.container;
    this.control = createControlClient({ url, instance: randomUUID(), startedAt, answerWithin: 10_000 });
    const { close } = this.control;
    this.#ends(() => Promise.all([stop(), close()]).then(() => {}));
    return this;
  }

  async save(
    content: string,
    options: { hot?: boolean; ops?: PatchOperation[]; hash?: string; requirements?: readonly string[] } = {},
  ): Promise<void> {
    const { requirements, ops = [edit(content, options.hot)], hash: nextHash = hashOf(content) } = options;
    const prevHash = headOf(this.store.chain).hash;
    const patch = { prevHash, nextHash, ops, ...(requirements ? { requirements } : {}) };
    const result = await this.store.append("1", patch);
    expect(result).toHaveProperty("stored");
  }

  sync(options: SyncOptions = {}, control: ControlServer = this.control) {
    const clock = { now: () => Date.now(), sleep: (ms: number) => delay(ms) };
    const times = { withinMs: 120_000, leaseMs: 5_000, ...options };
    return sync("1", { store: this.store, control, clock, newId: randomUUID }, times);
  }

  async prediction(): Promise<unknown> {
    return (await predict(this.container.url, {})).body;
  }

  hash(): Promise<unknown> {
    return this.control.runningHash().then((reply) => (reply.ok ? reply.value : reply));
  }
}
