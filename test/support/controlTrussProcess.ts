import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readImage } from "../../src/adapters/images/imageStore.ts";
import { freePort } from "./freePort.ts";

/** The container of a control truss: its disk outlives its processes, which can be killed one by one. */
export interface ControlContainer {
  readonly url: string;
  readonly startedAt: number;
  log(): string;
  /** SIGKILL. The control server is started again on the same disk at once. */
  killControl(): Promise<void>;
  killInference(): Promise<void>;
  /** Kills everything and deletes the disk. */
  stop(): Promise<void>;
}

/**
 * Runs the image under bubblewrap, below a shell that starts the control server again whenever it ends. `env` may name
 * PATCH_PING_URL_TRUSS; answers once the control server does, whether or not the model is started.
 */
export async function runControlContainer(
  store: string,
  reference: string,
  env: Record<string, string> = {},
): Promise<ControlContainer> {
  const { image, rootfs } = await readImage(store, reference);
  const work = await mkdtemp(join(tmpdir(), "menagerie-control-"));
  const root = join(work, "root");
  await cp(rootfs, root, { recursive: true });
  const loop = join(root, "loop.sh");
  await writeFile(loop, 'while true; do "$@" & wait $!; sleep 0.1; done\n');
  const [port, inner] = [await freePort(), await freePort()];
  const variables = Object.entries({
    ...image.config.env,
    HOME: "/tmp",
    ...env,
    CONTROL_SERVER_PORT: String(port),
    INFERENCE_SERVER_PORT: String(inner),
  });
  const args = [
    ...["--die-with-parent", "--unshare-pid", "--clearenv", "--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"],
    ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
    ...["--symlink", "usr/lib64", "/lib64", "--ro-bind-try", "/etc/hosts", "/etc/hosts"],
    ...(await readdir(root)).flatMap((name) => ["--bind", join(root, name), `/${name}`]),
    ...image.layers.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...variables.flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", image.config.workingDir, "--", "/bin/sh", "/loop.sh"],
    ...[...image.config.entrypoint, ...image.config.cmd],
  ];
  const child = spawn("bwrap", args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const answers = async () => {
    for (let attempt = 0; attempt < 600; attempt += 1) {
      if (child.exitCode !== null) break;
      const answer = await fetch(`${url}/control/truss_hash`, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      );
      if (answer?.ok) return;
      await delay(50);
    }
    throw new Error(`the control server does not answer:\n${log}`);
  };
  const kill = async (script: string) => {
    const found = await descendants(child.pid ?? 0);
    const target = found.filter(({ command }) => command.includes(script) && !command.includes("loop.sh"));
    if (target.length === 0) throw new Error(`no process runs ${script}`);
    for (const { pid } of target) process.kill(pid, "SIGKILL");
  };
  const container: ControlContainer = {
    url,
    startedAt: Date.now(),
    log: () => log,
    killControl: async () => {
      await kill("control/server.py");
      await delay(150);
      await answers();
    },
    killInference: () => kill("/app/main.py"),
    stop: () => stop(child, work),
  };
  try {
    await answers();
    return container;
  } catch (error) {
    await container.stop();
    throw error;
  }
}

/** Processes below `pid`, with their command lines, by Linux's /proc. */
async function descendants(pid: number): Promise<{ pid: number; command: string }[]> {
  const all = await Promise.all(
    (await readdir("/proc"))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const [stat, command] = await Promise.all([
          readFile(`/proc/${name}/stat`, "utf8").catch(() => ""),
          readFile(`/proc/${name}/cmdline`, "utf8").catch(() => ""),
        ]);
        // The parent's id comes second behind the name, which stands in brackets and may hold blanks.
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return { pid: Number(name), parent, command: command.replaceAll("\0", " ") };
      }),
  );
  const found = new Set([pid]);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  found.delete(pid);
  return all.filter((one) => found.has(one.pid));
}

async function stop(child: ChildProcess, work: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }
  await rm(work, { recursive: true, force: true });
}
