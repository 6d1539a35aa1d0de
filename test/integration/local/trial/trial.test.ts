import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readTruss } from "../../../../src/adapters/truss/snapshot.ts";
import type { OperatorError } from "../../../../src/domain/errors.ts";
import { type Progress, silent } from "../../../../src/domain/progress.ts";
import type { RunnableContent, RunnableModel } from "../../../../src/domain/trial/combination.ts";
import { ModelsNotStarted } from "../../../../src/domain/trial/notStarted.ts";
import type { BringUpOptions, Trial, TrialAnswer } from "../../../../src/domain/trial/trial.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { menagerieCache } from "../../../../src/local/layout.ts";
import { bringUpHere } from "../../../../src/local/trial/bringUp.ts";
import { placeImages } from "../../../../src/local/trial/images.ts";
import { trialsFolder } from "../../../../src/local/trial/place.ts";
import { hostProcesses } from "../../../local/support/menagerie.ts";
import { lateMs, putServer } from "./serverImage.ts";

let root: string;
let image: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "menagerie-trials-"));
  image = await putServer(store());
});
afterAll(() => rm(root, { recursive: true, force: true }));

const store = (): string => join(root, "images");

function model(name: string, role: string, more: Partial<RunnableModel> = {}): RunnableModel {
  const resources = { cpu: "1", memory: "256Mi", gpus: 0 };
  return { name, content: { image }, resources, env: { ROLE: role }, secrets: [], ...more };
}

/** A home of its own, so that each test sees its own trials alone. */
async function home(): Promise<string> {
  return mkdtemp(join(root, "home-"));
}

function bringUp(at: string, models: readonly RunnableModel[], more: Partial<BringUpOptions> = {}): Promise<Trial> {
  return bringUpHere({ home: at, stores: [store()] })(
    { name: "tested", models, state: null },
    {
      state: "empty",
      secrets: {},
      deadline: new Date(Date.now() + 3_600_000),
      progress: silent,
      signal: new AbortController().signal,
      ...more,
    },
  );
}

const ask = (trial: Trial, name: string, body: unknown): Promise<TrialAnswer> =>
  trial.ask(name, { body: JSON.stringify(body), timeoutMs: 60_000 });

const read = (answer: TrialAnswer) => JSON.parse(Buffer.from(answer.body).toString());

/** Folders of trials below a home, and processes that have it in their command line. */
async function left(at: string): Promise<string[]> {
  const folders = await readdir(trialsFolder(at)).catch(() => []);
  const processes = hostProcesses().filter(({ command }) => command.includes(at));
  return [...folders, ...processes.map(({ command }) => command)];
}

it("answers with each model's own variables and secrets, and leaves nothing", async () => {
  const at = await home();
  const models = [
    model("llama_3", "one", { secrets: ["token"] }),
    model("other", "two", { env: { ROLE: "two", X: "$$y" } }),
  ];
  const trial = await bringUp(at, models, { secrets: { token: "s3cret", unused: "x" } });
  expect(trial.models.map(({ name, image: ran }) => [name, ran])).toEqual([
    ["llama_3", image],
    ["other", image],
  ]);
  const [first, second] = [await ask(trial, "llama_3", { a: 1 }), await ask(trial, "other", {})];
  expect([first.status, first.failure, first.headers["content-type"]]).toEqual([200, null, "application/json"]);
  expect(first.durationMs).toBeGreaterThan(0);
  expect(read(first)).toMatchObject({ echo: { a: 1 }, secrets: { token: "s3cret" }, env: { ROLE: "one" } });
  expect(read(second)).toMatchObject({ secrets: {}, env: { ROLE: "two", X: "$y" } });
  expect(await trial.logs("other")).toBe("begins as two\n");
  await trial.dispose();
  expect(await left(at)).toEqual([]);
  expect(await ask(trial, "other", {})).toMatchObject({ status: null, durationMs: null });
});

it("reaches nothing outside, not even a process of the machine that listens on all of its addresses", async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const hosts = own.filter(({ family }) => family === "IPv4").map(({ address }) => address);
  expect(hosts).toContain("127.0.0.1");
  // From here it is reached.
  for (const host of hosts) await once(connect({ host, port }), "connect");
  const trial = await bringUp(await home(), [model("echo", "one")]);
  const reached = async (host: string) => read(await ask(trial, "echo", { reach: { host, port } })).reached;
  for (const host of hosts) expect(await reached(host), host).not.toBe("reached");
  expect(await reached("127.0.0.1")).toBe("ECONNREFUSED");
  await trial.dispose();
  server.close();
});

it("ends with its owner, also when that is killed", async () => {
  const at = await home();
  const program = fileURLToPath(new URL("./owner.ts", import.meta.url));
  const owner: ChildProcess = spawn(process.execPath, [program, at, store(), image], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (owner.stdout) await once(owner.stdout, "data");
  expect(await left(at)).not.toEqual([]);
  owner.kill("SIGKILL");
  await expect.poll(() => left(at)).toEqual([]);
});

it("says of a model that does not start why, with the end of its log", async () => {
  const at = await home();
  const failed = await bringUp(at, [model("good", "one"), model("bad", "broken")]).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(ModelsNotStarted);
  const [only] = (failed as ModelsNotStarted).models;
  expect(only).toMatchObject({ model: "bad", log: expect.stringContaining("no weights") });
  expect(only?.reason).toMatch(/keeps ending with exit code 3/);
  expect(await left(at)).toEqual([]);
});

it("does not wait longer for a model than it was told", async () => {
  const failed = await bringUp(await home(), [model("late", "slow")], { startWithinSeconds: 1 }).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({ models: [{ model: "late" }] });
});

it("waits for a model that starts late, and it answers then", async () => {
  const trial = await bringUp(await home(), [model("echo", "one"), model("patient", "late")]);
  const [, late] = trial.models;
  expect(late?.startedInMs).toBeGreaterThan(lateMs / 2);
  expect(await ask(trial, "patient", { a: 1 })).toMatchObject({ status: 200 });
  expect(await trial.restarts("patient")).toBe(0);
  await trial.dispose();
});

it("does not build a folder that a store has, and builds one whose image is gone", async () => {
  const folder = join(process.cwd(), "models/multiplier");
  const { snapshot, patterns } = await readTruss(folder);
  const content = { folder, hash: hashSnapshot(snapshot, patterns) };
  const gone = { image: `menagerie.local/truss/multiplier@sha256:${"0".repeat(64)}`, builtFrom: content };
  const said: string[] = [];
  const progress: Progress = {
    ...silent,
    begin: (name) => {
      said.push(name);
      return silent.begin(name);
    },
  };
  const place = async (name: string, from: RunnableContent, stores: readonly string[], own = name) => {
    const images = { stores, own: join(root, "own", own), cache: menagerieCache() };
    const { signal } = new AbortController();
    const [reference] = await placeImages(
      [{ ...model("multiplier", "one"), content: from }],
      join(root, "placed", name),
      images,
      { progress, signal },
    );
    const built = said.splice(0).filter((each) => each === "image multiplier").length;
    return { reference, built, own: await readdir(images.own).catch(() => []) };
  };
  const first = await place("first", content, []);
  expect(first.built).toBe(1);
  expect(await place("first-again", content, [join(root, "own", "first")])).toEqual({ ...first, built: 0, own: [] });
  expect((await place("second", content, [], "first")).built).toBe(0);
  // Of the same content it is the same image.
  expect(await place("gone", gone, [])).toMatchObject({ reference: first.reference, built: 1 });
  const changed = { ...gone, builtFrom: { folder, hash: "0".repeat(64) } };
  await expect(place("changed", changed, [])).rejects.toThrow("is gone");
});

it("starts a model again that ends, each time at once, and counts that", async () => {
  const trial = await bringUp(await home(), [model("echo", "one")]);
  expect(await trial.restarts("echo")).toBe(0);
  // By kubelet's back-off the sixth would take five minutes in all.
  for (let death = 1; death <= 6; death += 1) {
    expect(await ask(trial, "echo", { die: true })).toMatchObject({ status: null, failure: "predictor_broken" });
    await expect.poll(async () => (await ask(trial, "echo", {})).status).toBe(200);
    await expect.poll(() => trial.restarts("echo")).toBe(death);
  }
  // As a node keeps them: of the last two runs.
  expect(await trial.logs("echo")).toBe("begins as one\n".repeat(2));
  await trial.dispose();
});

it("ends a request that takes too long", async () => {
  const trial = await bringUp(await home(), [model("echo", "one")]);
  const answer = await trial.ask("echo", { body: JSON.stringify({ hang: true }), timeoutMs: 300 });
  expect(answer).toMatchObject({ status: null, failure: "predictor_timeout", durationMs: null });
  await trial.dispose();
});

it("ends at its deadline", async () => {
  const at = await home();
  const trial = await bringUp(at, [model("echo", "one")], { deadline: new Date(Date.now() + 8_000) });
  await expect.poll(() => left(at)).toEqual([]);
  await trial.dispose();
});

it("names every missing secret and every image that is gone, before anything starts", async () => {
  const at = await home();
  const gone = `menagerie.local/truss/old@sha256:${"0".repeat(64)}`;
  const models = [model("a", "one", { secrets: ["k1", "k2"] }), model("b", "two", { secrets: ["k2"] })];
  await expect(bringUp(at, models, { secrets: {} })).rejects.toThrow(/secret "k1".*\n.*secret "k2".*a, b/);
  const old = { content: { image: gone } };
  const failed = await bringUp(at, [model("a", "one", old), model("b", "two", old)]).catch((error: unknown) => error);
  expect((failed as OperatorError).refusals.map(({ id }) => id)).toEqual(["trial.image-gone", "trial.image-gone"]);
  expect(await left(at)).toEqual([]);
});

it("is stopped by its caller's signal, and leaves nothing", async () => {
  const at = await home();
  const controller = new AbortController();
  const trial = bringUp(at, [model("late", "slow")], { signal: controller.signal });
  await expect.poll(() => left(at)).not.toEqual([]);
  controller.abort(new Error("no longer"));
  await expect(trial).rejects.toThrow("no longer");
  expect(await left(at)).toEqual([]);
});

it("deletes what trials left that the machine was switched off under", async () => {
  const at = await home();
  const folder = join(trialsFolder(at), "0000dead");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "owner.json"), JSON.stringify({ pid: 1, identity: "another boot:1" }));
  const trial = await bringUp(at, [model("echo", "one")]);
  expect(await readdir(trialsFolder(at))).not.toContain("0000dead");
  await trial.dispose();
});
