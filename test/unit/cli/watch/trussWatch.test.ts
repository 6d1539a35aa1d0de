import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiRefused, type DevelopmentVersions, StaleHead } from "../../../../src/adapters/api/developmentVersions.ts";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import type { WatchEvents } from "../../../../src/cli/watch/events.ts";
import { watchTruss } from "../../../../src/cli/watch/trussWatch.ts";
import type { DevelopmentStatus, PatchRequest } from "../../../../src/domain/development/contract.ts";
import { append, headOf, type PatchChain, withPatch } from "../../../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { signatureOf, type TrussSignature } from "../../../../src/domain/truss/signature.ts";
import { refusalSaying } from "../../../support/issues.ts";

/** A real folder and real saves; the API service is a chain in memory, with the same check-and-set. */

let folder: string;
const stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "menagerie-watch-")));
  mkdirSync(join(folder, "model"));
  writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\n");
  writeFileSync(join(folder, "model/model.py"), "0");
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(folder, { recursive: true });
});

const save = (text: string) => writeFileSync(join(folder, "model/model.py"), text);

class MemoryApi implements Pick<DevelopmentVersions, "status" | "patch" | "sync" | "wake"> {
  chain: PatchChain;
  signature: TrussSignature;
  /** Answers of the next calls of `patch`, instead of storing. */
  readonly refusals: Error[] = [];
  /** States that the next syncs end in; then `synced`. */
  readonly states: DevelopmentStatus["state"][] = [];
  /** Contents that never come up: a sync of a head whose last patch has one of them does not end by itself. */
  readonly hanging = new Set<string>();
  /** Contents that do not load: syncs of such a head say so at once, for ever. */
  readonly failing = new Set<string>();
  /** How long it takes to store a patch that it has received. Milliseconds. */
  storesAfterMs = 0;
  /** Patches that it has received and not stored. */
  receiving = 0;
  /** How often it was asked to sync. */
  syncs = 0;
  /** Whether patches are stored, and their senders are not told. */
  losesAnswers = false;

  constructor(baseHash: string, signature: TrussSignature) {
    this.chain = { generation: 1, baseHash, patches: [] };
    this.signature = signature;
  }

  get contents(): (string | null)[] {
    return this.chain.patches.flatMap(({ ops }) =>
      ops.map((op: PatchOperation) => ("content" in op.body ? op.body.content : op.type)),
    );
  }

  async status(): Promise<DevelopmentStatus> {
    const { hash, seq } = headOf(this.chain);
    const headSignature = {
      ...this.signature,
      requirements_file_requirements: [...this.signature.requirements_file_requirements],
    };
    const isFailing = this.failing.has(this.contents.at(-1) ?? "");
    const state = this.states.shift() ?? (isFailing ? "behind" : "synced");
    const named = { versionId: "1", model: "m", namespace: "models", generation: 1 };
    const because = state === "synced" ? {} : { because: `it is ${state}` };
    return { ...named, headHash: hash, headSignature, seq, runningHash: hash, state, ...because };
  }

  /** Carries out what it has received, also where the sender goes away. */
  patch(_id: string, request: PatchRequest, signal?: AbortSignal) {
    const answer = this.#patch(request, signal);
    const gone = new Promise<never>((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true }),
    );
    answer.catch(() => {});
    gone.catch(() => {});
    return Promise.race([answer, gone]);
  }

  async #patch({ prevHash, nextHash, nextSignature, patches }: PatchRequest, signal?: AbortSignal) {
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    this.receiving += 1;
    if (this.storesAfterMs > 0) await delay(this.storesAfterMs);
    this.receiving -= 1;
    const result = append(this.chain, { prevHash, nextHash, ops: patches as PatchOperation[] });
    if (!("stored" in result)) throw new StaleHead(result.reason, headOf(this.chain).hash, this.signature);
    // Two watchers may send the same at once: it is stored once.
    if (!result.repeated) this.chain = withPatch(this.chain, result.stored);
    this.signature = nextSignature;
    if (this.losesAnswers) throw new ApiRefused("unreachable", refusalSaying("the connection broke"));
    await this.#comesUp(signal);
    const { state, because } = await this.status();
    const timings = { store: 1, sync: 1, apply: 1 };
    return { ...headOf(this.chain), headHash: nextHash, state, because, runningHash: nextHash, hot: false, timings };
  }

  async sync(_id: string, signal?: AbortSignal): Promise<DevelopmentStatus> {
    this.syncs += 1;
    await this.#comesUp(signal);
    return this.status();
  }

  wake = () => this.status();

  async #comesUp(signal?: AbortSignal): Promise<void> {
    if (this.hanging.has(this.contents.at(-1) ?? "")) await delay(60_000, undefined, signal ? { signal } : {});
  }
}

async function memoryApi(): Promise<MemoryApi> {
  const { snapshot, patterns } = await readTruss(folder);
  return new MemoryApi(hashSnapshot(snapshot, patterns), signatureOf(snapshot, patterns));
}

/** Starts a watch; what it tells can be awaited line by line. */
async function watchWith(api: MemoryApi, own: Partial<WatchEvents> = {}) {
  const stop = new AbortController();
  const lines: string[] = [];
  const told: string[] = [];
  let wake = (): void => {};
  const tell = (line: string): void => {
    lines.push(line);
    told.push(line);
    wake();
  };
  const next = async (): Promise<string> => {
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const watch = watchTruss({
    client: api as unknown as DevelopmentVersions,
    versionId: "1",
    folder,
    hot: false,
    stop: stop.signal,
    events: {
      ready: () => tell("ready"),
      isHead: async () => {},
      mayReplace: async () => {},
      sending: () => {},
      isIn: ({ headHash }) => tell(`in ${headHash === headOf(api.chain).hash}`),
      waiting: (_what, reason) => tell(`waiting: ${reason}`),
      wrong: (reason) => tell(`wrong: ${reason}`),
      slow: (reason) => tell(`slow: ${reason}`),
      needsDeployment: async (reasons) => {
        tell(`deploy: ${reasons.join("; ")}`);
        return false;
      },
      ...own,
    },
  });
  // A test that expects it to fail looks by itself.
  watch.catch(() => {});
  const end = async (): Promise<void> => {
    stop.abort();
    await watch;
  };
  stops.push(() => end().catch(() => {}));
  expect(await next()).toBe("ready");
  return { next, told, end };
}

describe("a watch", () => {
  it("sends what is saved, in place or by renaming, and nothing that was undone before it was read", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    save("1");
    expect(await next()).toBe("in true");
    writeFileSync(join(folder, "model/.model.py.swp"), "2");
    renameSync(join(folder, "model/.model.py.swp"), join(folder, "model/model.py"));
    expect(await next()).toBe("in true");
    mkdirSync(join(folder, "model/sub"));
    writeFileSync(join(folder, "model/sub/new.py"), "3");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["1", "2", "3"]);
  });

  it("never sends half a save, however slowly it is written", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    const slowly = `
      const fs = require("node:fs");
      const file = fs.openSync(process.argv[1], "w");
      let written = 0;
      const timer = setInterval(() => {
        fs.writeSync(file, "part ");
        written += 1;
        if (written < 10) return;
        clearInterval(timer);
        fs.closeSync(file);
      }, 40);`;
    const writer = spawn(process.execPath, ["-e", slowly, join(folder, "model/model.py")], { stdio: "ignore" });
    await once(writer, "exit");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["part ".repeat(10)]);
  });

  it("computes anew from the head when another client was first, from the folder as it is then", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    const { snapshot, patterns } = await readTruss(folder);
    const entries = new Map(snapshot.entries).set("model/theirs.py", {
      kind: "file" as const,
      executable: false,
      content: Buffer.from("theirs"),
    });
    const [nextHash, signature] = [hashSnapshot({ entries }, patterns), signatureOf({ entries }, patterns)];
    const ops: PatchOperation[] = [
      { type: "model_code", body: { action: "ADD", path: "theirs.py", content: "theirs" } },
    ];
    await api.patch("1", {
      prevHash: api.chain.baseHash,
      nextHash,
      patches: ops,
      nextSignature: { ...signature, requirements_file_requirements: [] },
    });
    save("mine");
    expect(await next()).toBe("in true");
    // The folder has no theirs.py: the last save wins as a whole.
    expect(api.contents).toEqual(["theirs", null, "mine"]);
  });

  it("sends what was there before a broken save, where that is what mends it", async () => {
    const api = await memoryApi();
    api.failing.add("broken");
    const { next } = await watchWith(api);
    save("right");
    expect(await next()).toBe("in true");
    save("broken");
    expect(await next()).toMatch(/^waiting/);
    save("right");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["right", "broken", "right"]);
  });

  it("does not fight another watcher of the same folder over an edit that is undone and made again", async () => {
    const api = await memoryApi();
    const watchers = [await watchWith(api), await watchWith(api)];
    for (const text of ["1", "0", "1", "2"]) {
      save(text);
      await Promise.race(watchers.map(({ next }) => next()));
    }
    for (const { end } of watchers) await end();
    expect(api.contents).toEqual(["1", "0", "1", "2"]);
    const ins = watchers.flatMap(({ told }) => told.filter((line) => line === "in true"));
    expect(ins.length).toBeGreaterThanOrEqual(4);
  });

  it("retries until a change is in, and says why it is not, once", async () => {
    const api = await memoryApi();
    const { next, told } = await watchWith(api);
    api.refusals.push(...[1, 2].map(() => new ApiRefused("unreachable", refusalSaying("the API does not answer"))));
    api.states.push("waking", "waking", "waking");
    save("1");
    expect(await next()).toBe("waiting: the API does not answer");
    expect(await next()).toBe("waiting: it is waking");
    expect(await next()).toBe("in true");
    expect(told).toHaveLength(4);
  });

  it("begins though the service is away for a moment", async () => {
    const api = await memoryApi();
    const status = vi.spyOn(api, "status");
    status.mockRejectedValueOnce(new ApiRefused("unreachable", refusalSaying("the API does not answer")));
    const { next } = await watchWith(api);
    save("1");
    expect(await next()).toBe("in true");
  });

  it("tells a config that cannot be read, and goes on with the next save", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    writeFileSync(join(folder, "config.yaml"), "python_version: 3\n");
    expect(await next()).toMatch(/^wrong: config.yaml: python_version/);
    writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\nsystem_packages: [ffmpeg]\n");
    expect(await next()).toBe("deploy: config.yaml: system_packages changed from [] to [ffmpeg]");
    writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\n");
    save("1");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["1"]);
  });

  it("tells what the API service refuses of a save, and goes on with the next one", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    api.refusals.push(
      new ApiRefused("bad_request", refusalSaying("model.py: its content is not that of the signature")),
    );
    save("1");
    expect(await next()).toBe("wrong: model.py: its content is not that of the signature");
    save("2");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["2"]);
  });

  it("brings in a head that it finds not running", async () => {
    const api = await memoryApi();
    api.states.push("behind", "behind");
    const { next } = await watchWith(api);
    expect(await next()).toBe("waiting: it is behind");
    save("1");
    expect(await next()).toBe("in true");
  });

  it("loses nothing of what was saved before Ctrl-C", async () => {
    const api = await memoryApi();
    const { end } = await watchWith(api);
    save("last");
    await end();
    expect(api.contents).toEqual([readFileSync(join(folder, "model/model.py"), "utf8")]);
  });

  it("lets the save that mends a bad one take its place at once", async () => {
    const api = await memoryApi();
    const { next, told } = await watchWith(api);
    api.hanging.add("while True: pass");
    save("while True: pass");
    while (!api.contents.includes("while True: pass")) await delay(10);
    const begun = Date.now();
    save("1");
    expect(await next()).toBe("in true");
    // The bad one would have taken a minute.
    expect(Date.now() - begun).toBeLessThan(55_000);
    expect(api.contents).toEqual(["while True: pass", "1"]);
    expect(told).toEqual(["ready", "in true"]);
  });

  it("sends what was there before a bad save, also where that one was never answered", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    save("right");
    expect(await next()).toBe("in true");
    api.hanging.add("bad");
    save("bad");
    while (!api.contents.includes("bad")) await delay(10);
    save("right");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["right", "bad", "right"]);
  });

  it("lets no save pass one that is still being stored, however soon it comes", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    save("right");
    expect(await next()).toBe("in true");
    api.storesAfterMs = 1_000;
    save("bad");
    while (api.receiving === 0) await delay(10);
    save("right");
    // A request whose sender went away is carried out all the same, and it must not come behind the later one.
    while (api.contents.length < 3) expect(await next()).toBe("in true");
    await delay(1_500);
    expect(api.contents).toEqual(["right", "bad", "right"]);
  });

  it("asks for the head again after a patch whose answer was lost", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    save("right");
    expect(await next()).toBe("in true");
    api.losesAnswers = true;
    api.failing.add("bad");
    save("bad");
    expect(await next()).toBe("waiting: the connection broke");
    save("right");
    api.losesAnswers = false;
    let told: string;
    do told = await next();
    while (told === "waiting: it is behind");
    expect(told).toBe("in true");
    expect(api.contents).toEqual(["right", "bad", "right"]);
  });

  it("brings in what was stored, though its answer was lost", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    api.losesAnswers = true;
    // The container does not have it yet.
    api.states.push("behind");
    save("1");
    expect(await next()).toBe("waiting: the connection broke");
    api.losesAnswers = false;
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["1"]);
    expect(api.syncs).toBeGreaterThan(0);
  });

  it("times a save from when it was noticed, through all its tries", async () => {
    const api = await memoryApi();
    let milliseconds = 0;
    const { next } = await watchWith(api, {
      isIn: (change) => {
        milliseconds = change.milliseconds;
      },
    });
    api.states.push("waking", "waking", "waking", "waking");
    save("1");
    expect(await next()).toBe("waiting: it is waking");
    // An event of the same content does not begin the count anew.
    save("1");
    while (milliseconds === 0) await delay(10);
    // Pauses of 200, 400 and 800 ms lie between the tries.
    expect(milliseconds).toBeGreaterThan(1_300);
  });

  it.each(["behind", "config"])("ended while what is saved is not in (%s), it fails and says why", async (how) => {
    const api = await memoryApi();
    const { next, end } = await watchWith(api);
    if (how === "config") {
      writeFileSync(join(folder, "config.yaml"), "spec_version: 2\n");
      expect(await next()).toMatch(/^wrong/);
      return expect(end()).rejects.toThrow(
        /the watch ended before the last save was running: config.yaml: spec_version/,
      );
    }
    api.failing.add("broken");
    save("broken");
    expect(await next()).toBe("waiting: it is behind");
    await expect(end()).rejects.toThrow("the watch ended before the last save was running: it is behind");
  });

  it("waits for a folder that was moved away, and goes on with the one that takes its place", async () => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    const away = `${folder}.away`;
    renameSync(folder, away);
    expect(await next()).toMatch(/^wrong: truss ".*" is not there/);
    mkdirSync(join(folder, "model"), { recursive: true });
    writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\n");
    save("1");
    expect(await next()).toBe("in true");
    rmSync(away, { recursive: true });
    // The new folder is watched, not only swept.
    save("2");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["1", "2"]);
  });

  it.each([
    ["many files", /^deploy: 5001 operations in one patch; at most 5000/],
    ["a large file", /^deploy: model\/many\/large\.bin: has 34 MiB; a patch carries at most 32 MiB$/],
  ])("offers a full deployment for %s, and goes on", async (what, says) => {
    const api = await memoryApi();
    const { next } = await watchWith(api);
    const many = join(folder, "model/many");
    mkdirSync(many);
    if (what === "many files") for (let index = 0; index < 5_001; index += 1) writeFileSync(join(many, `${index}`), "");
    else writeFileSync(join(many, "large.bin"), Buffer.alloc(34 * 1024 * 1024, 0xff));
    expect(await next()).toMatch(says);
    rmSync(many, { recursive: true });
    save("1");
    expect(await next()).toBe("in true");
    expect(api.contents).toEqual(["1"]);
  });

  it("takes a question back when a save takes its reason away", async () => {
    const api = await memoryApi();
    const asked: string[] = [];
    const { next } = await watchWith(api, {
      needsDeployment: async (reasons, later) => {
        asked.push(reasons.join("; "));
        await delay(60_000, undefined, { signal: later });
        return true;
      },
    });
    writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\nsystem_packages: [ffmpeg]\n");
    while (asked.length === 0) await delay(10);
    writeFileSync(join(folder, "config.yaml"), "use_control_plane: true\n");
    save("1");
    expect(await next()).toBe("in true");
    expect(asked).toHaveLength(1);
  });

  it("offers no deployment for a config.yaml that is away during a checkout", async () => {
    const api = await memoryApi();
    const { next, told } = await watchWith(api);
    renameSync(join(folder, "config.yaml"), join(folder, "config.away"));
    expect(await next()).toBe("wrong: config.yaml was removed; every truss has one");
    renameSync(join(folder, "config.away"), join(folder, "config.yaml"));
    save("1");
    expect(await next()).toBe("in true");
    expect(told.filter((line) => line.startsWith("deploy"))).toEqual([]);
  });

  it("asks before it replaces a head that it differs from at its start", async () => {
    const api = await memoryApi();
    save("mine");
    const stop = new AbortController();
    const events = { mayReplace: async () => Promise.reject(new Error("not mine")) } as unknown as WatchEvents;
    const watch = watchTruss({
      client: api as unknown as DevelopmentVersions,
      versionId: "1",
      folder,
      hot: false,
      stop: stop.signal,
      events,
    });
    await expect(watch).rejects.toThrow("not mine");
    expect(api.contents).toEqual([]);
  });
});
