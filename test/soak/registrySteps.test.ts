import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { archiveOf, partName } from "../../src/domain/builds/contextArchive.ts";
import { registryAdvice } from "../../src/domain/builds/registryAdvice.ts";
import { registryTask } from "../../src/domain/builds/registryTask.ts";
import { bubblewrapOptions } from "../../src/local/node/bubblewrap.ts";
import { systemFiles } from "../../src/local/node/containerRoot.ts";
import { freePort } from "../support/postgres.ts";
import { ensureRegistryTools, type RegistryTools } from "../support/testTools.ts";
import { buildkitEnvironment, dockerConfig, putBuildkit, registryConfig, registryUser } from "./buildkitImage.ts";

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
  folder = await mkdtemp(join(tmpdir(), "menagerie-registry-"));
  await putBuildkit(join(folder, "image"), tools);
  for (const path of ["/bin", "/sbin", "/lib", "/lib64"]) {
    const link = await readlink(path).catch(() => undefined);
    if (link !== undefined) await symlink(link, join(folder, "image", path));
  }
  host = `127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "htpasswd"), registryUser.htpasswd);
  const config = { address: host, storage: join(folder, "registry"), htpasswd: join(folder, "htpasswd") };
  await writeFile(join(folder, "registry.yaml"), registryConfig(config));
  await startRegistry();
}, 1_200_000);

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

const { steps } = registryTask(
  { kind: "registry", builderImage: "buildkit", layerCache: true },
  { cpu: "1", memory: "1Gi" },
);
const text = (content: string) => ({ bytes: new TextEncoder().encode(content), executable: false });
/** What the RUN step makes, the second stage misses where it did not run. */
const dockerfile = `FROM scratch AS made
COPY mkdir /mkdir
RUN ["/mkdir", "/workspace/made"]
FROM scratch
COPY --from=made /workspace/made /made
COPY model.txt /
`;

/** A pod of one build: its folders, and the steps in it. */
class Pod {
  readonly #folder: string;
  readonly #sha256: string;
  readonly image = `${host}/models/iris`;

  private constructor(path: string, sha256: string) {
    this.#folder = path;
    this.#sha256 = sha256;
  }

  static async create(build = dockerfile, password = "valid"): Promise<Pod> {
    const path = await mkdtemp(join(folder, "pod-"));
    const places = ["context", "credentials", "results", "work", "buildkit"];
    for (const place of places) await mkdir(join(path, place), { recursive: true });
    await cp(join(folder, "image"), join(path, "root"), { recursive: true, verbatimSymlinks: true });
    const mkdirProgram = { bytes: await readFile(tools.mkdir), executable: true };
    const files = { Dockerfile: text(build), "model.txt": text("the model"), mkdir: mkdirProgram };
    const archive = gzipSync(archiveOf(new Map(Object.entries(files))));
    await writeFile(join(path, "context", partName(0)), archive);
    await writeFile(join(path, "credentials", "config.json"), dockerConfig(host, password));
    return new Pod(path, createHash("sha256").update(archive).digest("hex"));
  }

  /** Runs a step's script to its end, with these values in the place of the run's. */
  async run(name: string, changed: Readonly<Record<string, string>> = {}): Promise<{ code: number; log: string }> {
    const step = steps.find((each) => each.name === name);
    if (!step) throw new Error(`the Task has no step ${name}`);
    await writeFile(join(this.#folder, "root", "step.sh"), step.script, { mode: 0o755 });
    const values: Readonly<Record<string, string>> = {
      "params.image": this.image,
      "params.tag": "1",
      "params.context-sha256": this.#sha256,
      "workspaces.context.path": "/workspace/context",
      "workspaces.credentials.path": "/workspace/credentials",
      "results.IMAGE_URL.path": "/results/url",
      "results.IMAGE_DIGEST.path": "/results/digest",
      ...changed,
    };
    const given = step.env.map((each): [string, string] => [
      each.name,
      each.value.replace(/\$\((.+?)\)/g, (_, key: string) => values[key] ?? ""),
    ]);
    const mount = (place: string, target: string, readOnly = false) => ({
      ...{ source: join(this.#folder, place), target, readOnly },
    });
    const options = bubblewrapOptions({
      root: join(this.#folder, "root"),
      hostPaths: systemFiles,
      mounts: [
        mount("context", "/workspace/context", true),
        mount("credentials", "/workspace/credentials", true),
        mount("results", "/results"),
        mount("work", "/build"),
        mount("buildkit", "/home/user/.local/share/buildkit"),
      ],
      workingDir: "/",
      env: new Map([["HOME", "/root"], ...Object.entries(buildkitEnvironment), ...given]),
    });
    const child = spawn("unshare", ["-Urm", "bwrap", ...options, "/step.sh"], {
      stdio: ["ignore", "pipe", "pipe", "ignore"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (part) => (log += part));
    const [code] = (await once(child, "close")) as [number];
    return { code, log };
  }

  async result(name: "url" | "digest"): Promise<string> {
    return readFile(join(this.#folder, "results", name), "utf8");
  }

  /** What an earlier step says was pushed. */
  async says(digest: string): Promise<void> {
    await writeFile(join(this.#folder, "results", "digest"), digest);
  }
}

/** Status of the registry's answer about a manifest. */
async function manifest(digest: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${registryUser.name}:valid`).toString("base64")}`;
  const accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
  const url = `http://${host}/v2/models/iris/manifests/${digest}`;
  return (await fetch(url, { method: "HEAD", headers: { authorization, accept } })).status;
}

test("the steps build an image without root, push it, name it by the registry's digest, and find it there", async () => {
  const pod = await Pod.create();
  for (const name of ["fetch", "build", "verify"]) expect(await pod.run(name)).toMatchObject({ code: 0 });
  expect(await pod.result("url")).toBe(pod.image);
  const digest = await pod.result("digest");
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await manifest(digest)).toBe(200);
  // Another pod, whose BuildKit knows nothing.
  const next = await Pod.create();
  await next.run("fetch");
  const { code, log } = await next.run("build");
  expect(code, log).toBe(0);
  expect(log).toMatch(/RUN \["\/mkdir", "\/workspace\/made"\]\n#\d+ CACHED/);
});

describe("a digest that was pushed", () => {
  const absent = `sha256:${"0".repeat(64)}`;
  let pod: Pod;

  beforeEach(async () => {
    pod = await Pod.create(dockerfile);
    await pod.says(absent);
  });

  test("and is not there is told with its image", async () => {
    const { code, log } = await pod.run("verify");
    expect(code).toBe(1);
    expect(log).toContain(`the registry does not have ${pod.image}@${absent}, which was just pushed`);
  });

  test("is not taken to be there when the credentials have expired meanwhile", async () => {
    const other = await Pod.create(dockerfile, "expired");
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
  const pod = await Pod.create(`${dockerfile}LABEL push=refused\n`, "expired");
  await pod.run("fetch");
  const { code, log } = await pod.run("build");
  expect(code).toBe(1);
  await expect(pod.result("digest")).rejects.toThrow();
  const advice = registryAdvice(log.trimEnd().split("\n").slice(-20), { namespace: "builds", credentials: "registry" });
  expect(advice).toMatch(/refuses the credentials of Secret builds\/registry/);
});

test("a Dockerfile that fails names no digest, and says why at the end of its log", async () => {
  const pod = await Pod.create("FROM scratch\nCOPY nothing.txt /\n");
  await pod.run("fetch");
  const { code, log } = await pod.run("build");
  expect(code).toBe(1);
  expect(log.trimEnd().split("\n").slice(-20).join("\n")).toMatch(/nothing\.txt/);
  await expect(pod.result("digest")).rejects.toThrow();
});

test("a context that is not the one of its hash is not unpacked", async () => {
  const pod = await Pod.create();
  const { code, log } = await pod.run("fetch", { "params.context-sha256": "0".repeat(64) });
  expect(code).toBe(1);
  expect(log).toContain(`the context's archive is not the one of SHA-256 ${"0".repeat(64)}`);
});
