import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiRefused, type DevelopmentVersions, StaleHead } from "../../../../src/adapters/api/developmentVersions.ts";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import { watchTruss } from "../../../../src/cli/watch/trussWatch.ts";
import type { DevelopmentStatus, PatchRequest } from "../../../../src/domain/development/contract.ts";
import { append, headOf, type PatchChain, withPatch } from "../../../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { signatureOf, type TrussSignature } from "../../../../src/domain/truss/signature.ts";

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
    const state = this.states.shift() ?? "synced";
    const named = { versionId: "1", model: "m", namespace: "models", generation: 1 };
    const because = state === "synced" ? {} : { because: `it is ${state}` };
    return { ...named, headHash: hash, headSignature, seq, runningHash: hash, state, ...because };
  }

  async patch(_id: string, { prevHash, nextHash, nextSignature, patches }: PatchRequest) {
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    const result = append(this.chain, { prevHash, nextHash, ops: patches as PatchOperation[] });
    if (!("stored" in result)) throw new StaleHead(result.because, headOf(this.chain).hash, this.signature);
    this.chain = withPatch(this.chain, result.stored);
    this.signature = nextSignature;
    const { state, because } = await this.status();
    const timings = { store: 1, sync: 1, apply: 1 };
    return { ...headOf(this.chain), headHash: nextHash, state, because, runningHash: nextHash, hot: false, timings };
  }

  sync = () => this.status();
  wake = () => this.status();
}

async function memoryApi(): Promise<MemoryApi> {
  const { snapshot, patterns } = await readTruss(folder);
  return new MemoryApi(hashSnapshot(snapshot, patterns), signatureOf(snapshot, patterns));
}

/** Starts a watch; what it tells can be awaited line by line. */
async function watchWith(api: MemoryApi) {
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
    ...{ client: api as unknown as DevelopmentVersions, versionId: "1", folder, hot: false, stop: stop.signal },
    events: {
      ready: () => tell("ready"),
      isHead: async () => {},
      isIn: ({ headHash }) => tell(`in ${headHash === headOf(api.chain).hash}`),
      waiting: (_what, because) => tell(`waiting: ${because}`),
      wrong: (because) => tell(`wrong: ${because}`),
      needsDeployment: async (reasons) => {
        tell(`deploy: ${reasons.join("; ")}`);
        return false;
      },
    },
  });
  const end = async (): Promise<void> => {
    stop.abort();
    await watch;
  };
  stops.push(end);
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
      ...{ kind: "file" as const, executable: false },
      bytes: Buffer.from("theirs"),
    });
    const [nextHash, signature] = [hashSnapshot({ entries }, patterns), signatureOf({ entries }, patterns)];
    const ops: PatchOperation[] = [
      { type: "model_code", body: { action: "ADD", path: "theirs.py", content: "theirs" } },
    ];
    await api.patch("1", {
      ...{ prevHash: api.chain.baseHash, nextHash, patches: ops },
      nextSignature: { ...signature, requirements_file_requirements: [] },
    });
    save("mine");
    expect(await next()).toBe("in true");
    // The folder has no theirs.py: the last save wins as a whole.
    expect(api.contents).toEqual(["theirs", null, "mine"]);
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
    expect(watchers.flatMap(({ told }) => told.filter((line) => line === "in true"))).toHaveLength(4);
  });

  it("retries until a change is in, and says why it is not, once", async () => {
    const api = await memoryApi();
    const { next, told } = await watchWith(api);
    api.refusals.push(...[1, 2].map(() => new ApiRefused("unreachable", "the API does not answer")));
    api.states.push("waking", "waking", "waking");
    save("1");
    expect(await next()).toBe("waiting: the API does not answer");
    expect(await next()).toBe("waiting: it is waking");
    expect(await next()).toBe("in true");
    expect(told).toHaveLength(4);
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

  it("loses nothing of what was saved before Ctrl-C", async () => {
    const api = await memoryApi();
    const { end } = await watchWith(api);
    save("last");
    await end();
    expect(api.contents).toEqual([readFileSync(join(folder, "model/model.py"), "utf8")]);
  });
});
