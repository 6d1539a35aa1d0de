import { setTimeout as delay } from "node:timers/promises";
import { test as baseTest, expect } from "vitest";
import { createControlClient } from "../../../../src/adapters/controlTruss/client.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import type { ControlServer } from "../../../../src/domain/patch/ports.ts";
import { answering, baseHash, edit, hashOf, useControlTruss, Version } from "../../../support/controlledVersion.ts";
import { startCuttingProxy } from "../../../support/cuttingProxy.ts";
import { predict } from "../../../support/imageProcess.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

// They wait for their containers most of the time.
const test = baseTest.concurrent;
const ofWholeMatrix = wholeMatrix ? test : test.skip;
useControlTruss();

/** The control server, but replies to patches are lost after the container got them. */
function losingPatchReplies(control: ControlServer, times = 1): ControlServer {
  let left = times;
  return {
    ...control,
    patch: async (request) => {
      const outcome = await control.patch(request);
      if (request.patches.length === 0 || left === 0) return outcome;
      left -= 1;
      return { kind: "unknown", reason: "the reply was lost" };
    },
  };
}

test("a waiting container gets what is missing, edits come hot, an undo and a redo too", async (context) => {
  const version = await new Version(context).run();
  await version.save(answering("v1"));
  await version.save(answering("v2"));
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 2, sent: 1, hot: false });
  expect(await version.prediction()).toBe("v2");
  await version.save(answering("v3"), { hot: true });
  const began = performance.now();
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 3, hot: true });
  expect(await version.prediction()).toBe("v3");
  console.log(`hot sync and prediction: ${Math.round(performance.now() - began)} ms`);
  // Back to the image's own content (A → B → A → C).
  await version.save(answering("v0"), { hot: true });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 4, hash: baseHash });
  expect(await version.prediction()).toBe("v0");
  expect(await version.hash()).toBe(baseHash);
  await version.save(answering("v4"), { hot: true });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 5 });
  expect(await version.prediction()).toBe("v4");
});

test("defect 1: a failed hot reload advances the hash; the sync sees it and says that the model does not answer", async (context) => {
  const version = await new Version(context).run();
  await version.save(answering("v1"));
  await version.sync();
  await version.save("class Model(:\n", { hot: true });
  // By itself the control server takes the same hash for done afterwards.
  const result = await version.sync();
  expect(result).toMatchObject({ state: "failed", running: { hash: hashOf("class Model(:\n"), answers: false } });
  await version.save(answering("v2"), { hot: true });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 3 });
  expect(await version.prediction()).toBe("v2");
  // The failure was answered, so nothing of it can arrive later: saves are hot again.
  await version.save(answering("v3"), { hot: true });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 4, hot: true });
  expect(await version.prediction()).toBe("v3");
});

test("defect 1 with a lost reply: the new hash alone is not taken for the new code", async (context) => {
  const version = await new Version(context).run();
  await version.save(answering("v1"));
  await version.sync();
  // A change that hot reload refuses, while a restart takes it.
  const once = `import sys, os\nif "torn" in sys.modules.get("__main__").__dict__:\n    raise ValueError("hot")\nsys.modules["__main__"].torn = 1\n${answering("v2")}`;
  await version.save(once);
  expect(await version.sync()).toMatchObject({ state: "synced" });
  const again = once.replace('"v2"', '"v3"');
  await version.save(again, { hot: true });
  expect(await version.sync({}, losingPatchReplies(version.control))).toMatchObject({ state: "synced", seq: 3 });
  expect(await version.prediction()).toBe("v3");
});

test("defect 2: empty patches start a waiting server, and later ones change the hash alone", async (context) => {
  const version = await new Version(context).run();
  await version.save("", { ops: [], hash: "1".repeat(64) });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 1 });
  expect(await version.prediction()).toBe("v0");
  await version.save("", { ops: [], hash: "2".repeat(64) });
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 2 });
});

ofWholeMatrix(
  "defects 3, 4 and 5: predictions that wait or run hold a patch up, and it gets there all the same",
  async (context) => {
    const version = await new Version(context).run();
    const waiting = predict(version.container.url, {}).catch(() => undefined);
    await delay(300);
    await version.save(answering("v1"));
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 1 });
    await waiting;
    const slow = answering("slow").replace("        return", "        import time; time.sleep(2)\n        return");
    await version.save(slow);
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 2 });
    const running = predict(version.container.url, {}).catch(() => undefined);
    await delay(200);
    await version.save(answering("v3"));
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 3 });
    expect(await version.prediction()).toBe("v3");
    await running;
  },
);

ofWholeMatrix(
  "defect 6: an inference server that its control server left behind is found before anything is sent",
  async (context) => {
    const version = await new Version(context).run();
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 0 });
    await version.container.killControl();
    expect(await version.prediction()).toBe("v0");
    await version.save(answering("v1"));
    expect(await version.sync()).toMatchObject({
      state: "recreate",
      reason: expect.stringContaining("holds the port"),
    });
    // Every later sync says so too, until there is another container.
    expect(await version.sync()).toMatchObject({ state: "recreate" });
    await version.run();
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 1 });
    expect(await version.prediction()).toBe("v1");
  },
);

ofWholeMatrix(
  "defect 7: a hash that went back to the image's while the files did not asks for another container",
  async (context) => {
    const version = await new Version(context).run();
    await version.save(answering("v1"));
    await version.sync();
    await version.container.killControl();
    expect(await version.hash()).toBe(baseHash);
    expect(await version.sync()).toMatchObject({
      state: "recreate",
      reason: expect.stringContaining("used disk"),
      running: { hash: baseHash },
    });
    await version.run();
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 1 });
  },
);

ofWholeMatrix(
  "defect 8: after a patch that was applied in part the container takes no more, and a new one is not tried in vain",
  async (context) => {
    const version = await new Version(context).run();
    await version.sync();
    const bad: PatchOperation = { type: "model_code", body: { action: "ADD", path: "model.py/x", content: "" } };
    await version.save("", { ops: [edit(answering("v1")), bad], hash: "3".repeat(64) });
    expect(await version.sync()).toMatchObject({ state: "recreate", reason: expect.stringContaining("in part") });
    await version.run();
    expect(await version.sync()).toMatchObject({ state: "recreate" });
    await version.run();
    expect(await version.sync()).toMatchObject({
      state: "failed",
      reason: expect.stringMatching(/goes on as before it: a patch was applied in part/),
    });
    const undone: PatchOperation = {
      type: "model_code",
      body: { action: "REMOVE", path: "model.py/x", content: null },
    };
    await version.save("", { ops: [undone], hash: hashOf(answering("v1")) });
    expect(await version.sync()).toMatchObject({ state: "synced", seq: 2 });
    expect(await version.prediction()).toBe("v1");
  },
);

test("defect 9: code that does not load is not a success, and its repair is", async (context) => {
  const version = await new Version(context).run();
  await version.save("raise ValueError('no')\n");
  const broken = await version.sync();
  expect(broken).toMatchObject({ state: "failed", running: { answers: false } });
  await version.save(answering("v1"));
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 2 });
  expect(await version.prediction()).toBe("v1");
});

test("defect 10: a process that ends before it has removed the mark of one that failed is started again", async (context) => {
  const version = await new Version(context).run();
  await version.save("raise ValueError('no')\n");
  expect(await version.sync()).toMatchObject({ state: "failed" });
  // Whoever asks while the failed process goes leaves the mark, and nobody starts it again.
  await context.expect.poll(() => version.control.probe()).toMatchObject({ state: "load_failed" });
  await version.save(answering("v1"));
  const killing: ControlServer = {
    ...version.control,
    patch: async (request) => {
      const outcome = await version.control.patch(request);
      // It imports for some hundred milliseconds yet.
      if (request.patches.length > 0) await version.container.killInference();
      return outcome;
    },
  };
  expect(await version.sync({}, killing)).toMatchObject({ state: "synced", seq: 2 });
  expect(await version.prediction()).toBe("v1");
});

ofWholeMatrix("a killed inference server comes back with the patched code", async (context) => {
  const version = await new Version(context).run();
  await version.save(answering("v1"));
  await version.sync();
  await version.container.killInference();
  expect(await version.sync()).toMatchObject({ state: "synced", seq: 1, sent: 0 });
  expect(await version.prediction()).toBe("v1");
});

test("several replicas at once send each patch once, and all of them say the same", async (context) => {
  const version = await new Version(context).run();
  for (let number = 1; number <= 10; number += 1) await version.save(answering(`v${number}`));
  const results = await Promise.all(Array.from({ length: 5 }, () => version.sync()));
  for (const result of results) expect(result).toMatchObject({ state: "synced", seq: 10 });
  expect(results.reduce((sum, result) => sum + (result.state === "synced" ? result.sent : 0), 0)).toBe(1);
  expect(await version.prediction()).toBe("v10");
});

test("a patch that is cut on its way, or whose reply is, gets there all the same", async (context) => {
  const version = await new Version(context).run();
  await version.save(answering("v1"));
  await version.sync();
  const { instance, startedAt } = version.control;
  const proxy = await startCuttingProxy(version.container.url);
  const control = createControlClient({ url: proxy.url, instance, startedAt, answerWithin: 10_000 });
  const cuts = [
    ["up", 250],
    ["up", 400],
    ["down", 10],
    ["down", 130],
  ] as const;
  for (const [index, [direction, bytes]] of cuts.entries()) {
    await version.save(answering(`cut ${index}`), { hot: index % 2 === 0 });
    await proxy.cutNext(direction, bytes);
    expect(await version.sync({}, control)).toMatchObject({ state: "synced", seq: index + 2 });
    expect(await version.prediction()).toBe(`cut ${index}`);
  }
  // A connection may end before it has carried as much.
  expect(proxy.cuts()).toBeGreaterThan(1);
  await control.close();
  proxy.stop();
});

test("the client makes typed outcomes of the control server's answers", async (context) => {
  const version = await new Version(context).run({});
  const { control } = version;
  expect(await control.patch({ hash: "x", prevHash: "wrong", patches: [] })).toMatchObject({ kind: "inadmissible" });
  const unknownType = { type: "nonsense", body: {} } as unknown as PatchOperation;
  expect(await control.patch({ hash: "x", prevHash: baseHash, patches: [unknownType] })).toMatchObject({
    kind: "unsupported",
  });
  const outside: PatchOperation = { type: "model_code", body: { action: "ADD", path: "../../x", content: "" } };
  expect(await control.patch({ hash: "x", prevHash: baseHash, patches: [outside] })).toMatchObject({
    kind: "recoverable",
  });
  const malformed = { prevHash: baseHash } as unknown as Parameters<ControlServer["patch"]>[0];
  expect(await control.patch(malformed)).toMatchObject({
    kind: "unknown",
    reason: expect.stringContaining("HTTP 500"),
  });
  expect(await version.hash()).toBe(baseHash);
  await version.container.stop();
  expect(await control.runningHash()).toMatchObject({ ok: false });
  expect(await control.probe()).toMatchObject({ answers: false, state: "unreachable" });
});
