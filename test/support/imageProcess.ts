import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readImage } from "../../src/adapters/images/imageStore.ts";
import { freePort } from "./freePort.ts";

/** A container of a directory image, run by bubblewrap on the host's network. */
export interface ImageProcess {
  /** Base URL of the server. */
  readonly url: string;
  /** Output so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Runs an image on free ports; answers once a request to `readyPath` succeeds (60 s at most). */
export async function runImage(
  store: string,
  reference: string,
  readyPath: string,
  env: Record<string, string> = {},
): Promise<ImageProcess> {
  const { image, rootfs } = await readImage(store, reference);
  const work = await mkdtemp(join(tmpdir(), "menagerie-image-"));
  const root = join(work, "root");
  await cp(rootfs, root, { recursive: true });
  const [port, inner] = [await freePort(), await freePort()];
  const isControl = "CONTROL_SERVER_PORT" in image.config.env;
  const ports = isControl
    ? { CONTROL_SERVER_PORT: String(port), INFERENCE_SERVER_PORT: String(inner) }
    : { INFERENCE_SERVER_PORT: String(port) };
  const variables = Object.entries({ ...image.config.env, ...env, ...ports });
  const args = [
    ...["--die-with-parent", "--unshare-pid", "--clearenv", "--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"],
    ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
    ...["--symlink", "usr/lib64", "/lib64", "--ro-bind-try", "/etc/hosts", "/etc/hosts"],
    ...(await readdir(root)).flatMap((name) => ["--bind", join(root, name), `/${name}`]),
    ...image.layers.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...variables.flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", image.config.workingDir, "--", ...image.config.entrypoint, ...image.config.cmd],
  ];
  const child = spawn("bwrap", args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const running = { url, log: () => log, stop: () => stop(child, work) };
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (child.exitCode !== null) break;
    const answer = await fetch(url + readyPath, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.ok) return running;
    await delay(100);
  }
  await running.stop();
  throw new Error(`the container did not become ready:\n${log}`);
}

/** Predicts as clients do; gives the status and the decoded body. */
export async function predict(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/v1/models/model:predict`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

async function stop(child: ChildProcess, work: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }
  await rm(work, { recursive: true, force: true });
}
