import { mkdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "./layout.ts";
import { ArrivingToolchain, type Toolchain, type ToolchainParts } from "./toolchain/arriving.ts";

/** What of its toolchain an environment has, as `<root>/toolchain.json` says. */
interface StoredToolchain {
  readonly formatVersion: 2;
  readonly tekton: boolean;
  readonly parts: Partial<ToolchainParts>;
}

const followEveryMs = 250;
const touchEveryMs = 1_000;
/** An incomplete file that nobody has touched for so many looks, a second apart, is nobody's any more. */
const abandonedAfterLooks = 20;

/** The file by which `up` hands executables and manifests on to the processes of an environment, each as soon as it is there. */
export class ToolchainFile {
  readonly #path: string;
  readonly #folder: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(layout: EnvironmentLayout) {
    this.#folder = layout.root;
    this.#path = join(layout.root, "toolchain.json");
  }

  /** What has arrived, or undefined where there is no such file, or one of another version of this program. */
  async read(): Promise<ArrivingToolchain | undefined> {
    const record = await this.#read();
    if (!record) return undefined;
    const arriving = new ArrivingToolchain(record.tekton);
    arriving.add(record.parts);
    return arriving;
  }

  /** The toolchain, or undefined where it is not there or has not arrived completely. */
  async readComplete(): Promise<Toolchain | undefined> {
    const arriving = await this.read();
    return arriving?.isComplete ? arriving.complete() : undefined;
  }

  /**
   * Writes what has arrived, then everything that arrives. Until the last part is there the file is touched each second: by that
   * the keeper knows that somebody is still at work. Answers once the first state is written.
   */
  async publish(arriving: ArrivingToolchain, signal: AbortSignal): Promise<void> {
    await this.write(arriving);
    if (arriving.isComplete) return;
    const touching = setInterval(() => void utimes(this.#path, new Date(), new Date()).catch(() => {}), touchEveryMs);
    const end = () => clearInterval(touching);
    signal.addEventListener("abort", end, { once: true });
    arriving.onArrival(() => {
      if (signal.aborted) return;
      if (arriving.isComplete) end();
      // One that fails (full disk) is made up for by the next; whoever waits for the last part writes it once more himself.
      this.write(arriving).catch(() => {});
    });
  }

  /** Answers what has arrived and goes on adding to it what arrives. For the processes of the environment. */
  async follow(): Promise<ArrivingToolchain> {
    const arriving = await this.read();
    if (!arriving) throw new Error(`${this.#path} is missing or of another version; run \`up\` again`);
    const look = async (): Promise<void> => {
      if (arriving.isComplete) return;
      arriving.add((await this.#read())?.parts ?? {});
      setTimeout(() => void look(), followEveryMs);
    };
    void look();
    return arriving;
  }

  /**
   * Resolves when the file is incomplete and nobody touches it any more: the run that was to complete it has failed or was
   * killed. Never, once it is complete. By looks and not by the clock, which goes on while a machine sleeps.
   */
  abandoned(lookEveryMs: number = touchEveryMs): Promise<void> {
    return new Promise((resolve) => {
      let last = 0;
      let looks = 0;
      const timer = setInterval(async () => {
        if ((await this.read())?.isComplete) return clearInterval(timer);
        const touched = await stat(this.#path).then(
          ({ mtimeMs }) => mtimeMs,
          () => last,
        );
        looks = touched === last ? looks + 1 : 0;
        last = touched;
        if (looks < abandonedAfterLooks) return;
        clearInterval(timer);
        resolve();
      }, lookEveryMs);
    });
  }

  async #read(): Promise<StoredToolchain | undefined> {
    try {
      const record = JSON.parse(await readFile(this.#path, "utf8")) as StoredToolchain;
      return record.formatVersion === 2 ? record : undefined;
    } catch {
      return undefined;
    }
  }

  /** Writes what has arrived. */
  write(arriving: ArrivingToolchain): Promise<void> {
    const written = this.#writing.then(() => this.#write(arriving));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write({ tekton, arrived }: ArrivingToolchain): Promise<void> {
    const record: StoredToolchain = { formatVersion: 2, tekton, parts: arrived };
    const draft = `${this.#path}.${process.pid}`;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(record, null, 2)}\n`);
    await rename(draft, this.#path);
  }
}
