import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { registryAdvice } from "../../src/domain/builds/registryAdvice.ts";
import { freePort } from "../support/freePort.ts";
import { building, ensureRegistryTools, type RegistryTools } from "../support/testTools.ts";
import { registryConfig, registryUser } from "./buildkitImage.ts";
import { dockerfile, prepareSite, StepPod } from "./stepPod.ts";

/**
 * The scripts of the Task for a registry, each in a sandbox as a local node makes it, with a real BuildKit without root and a
 * real registry. Dockerfiles begin with nothing, for no test can pull the base images of the truss library's.
 */

let tools: RegistryTools;
let folder: string;
let host: string;
let server: ChildProcess | undefined;

beforeAll(async () => {
  tools = await ensureRegistryTools();
}, building);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-registry-"));
  host = `127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "htpasswd"), registryUser.htpasswd);
  const config = { address: host, storage: join(folder, "registry"), htpasswd: join(folder, "htpasswd") };
  await writeFile(join(folder, "registry.yaml"), registryConfig(config));
  await prepareSite({ folder, tools, host });
  await startRegistry();
});

afterAll(async () => {
  await stopRegistry();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function startRegistry(): Promise<void> {
  server = spawn(tools.registry, ["serve", join(folder, "registry.yaml")], { stdio: "ignore" });
  while ((await fetch(`http://${host}/v2/`).catch(() => undefined))?.status !== 401) {
    if (server.exitCode !== null) throw new Error(`the registry ended with ${server.exitCode}`);
    await delay(50);
  }
}

async function stopRegistry(): Promise<void> {
  if (!server || server.exitCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGKILL");
  await ended;
}

const newPod = (build?: string, password?: string) => StepPod.create({ folder, tools, host }, build, password);

/** Status of the registry's answer about a manifest. */
async function manifest(digest: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${registryUser.name}:valid`).toString("base64")}`;
  const accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
  const url = `http://${host}/v2/models/iris/manifests/${digest}`;
  return (await fetch(url, { method: "HEAD", headers: { authorization, accept } })).status;
}

test("the steps build an image without root, push it, name it by the registry's digest, and find it there", async () => {
  const pod = await newPod();
  for (const name of ["fetch", "build", "verify"]) expect(await pod.run(name)).toMatchObject({ code: 0 });
  expect(await pod.result("url")).toBe(pod.image);
  const digest = await pod.result("digest");
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await manifest(digest)).toBe(200);
  // Another pod, whose BuildKit knows nothing.
  const next = await newPod();
  await next.run("fetch");
  const { code, log } = await next.run("build");
  expect(code, log).toBe(0);
  expect(log).toMatch(/RUN \["\/mkdir", "\/workspace\/made"\]\n#\d+ CACHED/);
});

describe("a digest that was pushed", () => {
  const absent = `sha256:${"0".repeat(64)}`;
  let pod: StepPod;

  beforeEach(async () => {
    pod = await newPod();
    await pod.says(absent);
  });

  test("and is not there is told with its image", async () => {
    const { code, log } = await pod.run("verify");
    expect(code).toBe(1);
    expect(log).toContain(`the registry does not have ${pod.image}@${absent}, which was just pushed`);
  });

  test("is not taken to be there when the credentials have expired meanwhile", async () => {
    const other = await newPod(dockerfile, "expired");
    await other.says(absent);
    const { code, log } = await other.run("verify");
    expect(code).toBe(1);
    expect(log).toMatch(/401 Unauthorized/);
    expect(log).toContain(`the registry does not say that it has ${pod.image}@${absent}`);
  });

  test("is not taken to be there when the registry does not answer", async () => {
    await stopRegistry();
    const { code, log } = await pod.run("verify");
    await startRegistry();
    expect(code).toBe(1);
    expect(log).toMatch(/connection refused/);
    expect(log).toContain(`the registry does not say that it has ${pod.image}@${absent}`);
  });
});

test("credentials that have expired end the push, with words that lead to the advice", async () => {
  const pod = await newPod(`${dockerfile}LABEL push=refused\n`, "expired");
  await pod.run("fetch");
  const { code, log } = await pod.run("build");
  expect(code).toBe(1);
  await expect(pod.result("digest")).rejects.toThrow();
  const advice = registryAdvice(log.trimEnd().split("\n").slice(-20), { namespace: "builds", credentials: "registry" });
  expect(advice).toMatch(/refuses the credentials of Secret builds\/registry/);
});

test("a Dockerfile that fails names no digest, and says why at the end of its log", async () => {
  const pod = await newPod("FROM scratch\nCOPY nothing.txt /\n");
  await pod.run("fetch");
  const { code, log } = await pod.run("build");
  expect(code).toBe(1);
  expect(log.trimEnd().split("\n").slice(-20).join("\n")).toMatch(/nothing\.txt/);
  await expect(pod.result("digest")).rejects.toThrow();
});

test("a context that is not the one of its hash is not unpacked", async () => {
  const pod = await newPod();
  const { code, log } = await pod.run("fetch", { "params.context-sha256": "0".repeat(64) });
  expect(code).toBe(1);
  expect(log).toContain(`the context's archive is not the one of SHA-256 ${"0".repeat(64)}`);
});
