import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { test as baseTest, expect } from "vitest";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import type { SyncResult } from "../../../../src/domain/patch/turn.ts";
import { answering, useControlTruss, Version } from "../../../support/controlledVersion.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/** Saves after which the real control server waits for a process that does not end; all but the first run in `npm run soak`. */

// They wait for their containers most of the time.
const test = baseTest.concurrent;
useControlTruss();

/** Syncs, with a new container where only that helps, and answers how long it took in milliseconds. */
async function synced(version: Version): Promise<{ readonly result: SyncResult; readonly took: number }> {
  const begun = performance.now();
  for (;;) {
    const result = await version.sync({ withinMs: 60_000 });
    if (result.state !== "recreate") return { result, took: Math.round(performance.now() - begun) };
    await version.run();
  }
}

const load = (body: string) =>
  `class Model:\n    def load(self):\n        ${body}\n${answering("bad").slice("class Model:\n".length)}`;

const badSaves: [string, string | undefined][] = [
  ["while True: pass", `while True:\n    pass\n`],
  ["a load that does not return", load("import time; time.sleep(3600)")],
  ["a syntax error", "class Model(:\n"],
  ["no model.py", undefined],
];

for (const [what, bad] of badSaves.slice(0, wholeMatrix ? undefined : 1)) {
  test(`the save that mends ${what} takes its place within seconds`, async (context) => {
    const version = await new Version(context).run();
    await version.save(answering("v1"));
    await version.sync();
    if (bad === undefined) {
      const body = { action: "REMOVE" as const, path: "model.py", content: null };
      await version.save("", { ops: [{ type: "model_code", body }], hash: "9".repeat(64) });
    } else await version.save(bad);
    const first = synced(version);
    await delay(3_000);
    await version.save(answering("v2"));
    const begun = performance.now();
    const before = await first;
    // Code that does not load may have been told before the save that mends it.
    const { result } = before.result.state === "failed" ? await synced(version) : before;
    console.log(`${what}: mended after ${Math.round(performance.now() - begun)} ms`);
    expect(result).toMatchObject({ state: "synced", seq: 3 });
    expect(await version.prediction()).toBe("v2");
    // Without it the sync would wait its minute.
    expect(performance.now() - begun).toBeLessThan(50_000);
  });
}

baseTest.runIf(wholeMatrix)(
  "a requirement whose address never answers gives way to the save that takes it back",
  async (context) => {
    // It takes connections, and says nothing.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    context.onTestFinished(() => {
      silent.close();
    });
    const { port } = silent.address() as AddressInfo;
    const version = await new Version(context).run();
    await version.save(answering("v1"));
    await version.sync();
    const requirement = `http://127.0.0.1:${port}/six-1.0-py3-none-any.whl`;
    const ops: PatchOperation[] = [{ type: "python_requirement", body: { action: "ADD", requirement } }];
    await version.save("", { ops, hash: "8".repeat(64), requirements: [requirement] });
    const first = synced(version);
    await delay(5_000);
    const begun = performance.now();
    // As with a requirements file: nothing of the patch itself says so.
    await version.save(answering("v2"), { requirements: [] });
    expect((await first).result).toMatchObject({ state: "synced", seq: 3 });
    console.log(`a silent address: mended after ${Math.round(performance.now() - begun)} ms`);
    expect(await version.prediction()).toBe("v2");
    // Without the save it would be given up after a minute.
    expect(performance.now() - begun).toBeLessThan(45_000);
  },
);

baseTest.runIf(wholeMatrix)(
  "a stream that never ends holds a cold save up for 25 s, and a hot one not at all",
  async (context) => {
    const version = await new Version(context).run();
    const endless = `class Model:\n    def predict(self, model_input):\n        import time\n        def numbers():\n            while True:\n                time.sleep(0.05)\n                yield "x"\n        return numbers()\n`;
    await version.save(endless);
    await version.sync();
    const stream = await fetch(`${version.container.url}/v1/models/model:predict`, { method: "POST", body: "{}" });
    const reader = stream.body?.getReader();
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0);
    const begun = performance.now();
    await version.save(answering("hot"), { hot: true });
    expect(await version.sync()).toMatchObject({ state: "synced", hot: true });
    console.log(`hot beside a stream: ${Math.round(performance.now() - begun)} ms`);
    // Other predictions wait for the stream to end, for a model takes one at a time by default.
    await version.save(answering("cold"));
    const { result, took } = await synced(version);
    console.log(`cold beside a stream: ${took} ms`);
    expect(result).toMatchObject({ state: "synced", seq: 3 });
    expect(await version.prediction()).toBe("cold");
    expect(took).toBeLessThan(50_000);
    await reader?.cancel().catch(() => {});
  },
);
