import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** What `go` has downloaded so far, by the lines that it prints about each module. */
export class ModuleDownloads {
  readonly #folder: string;
  readonly #sizes = new Map<string, number>();

  constructor(env: NodeJS.ProcessEnv) {
    const gopath = env.GOPATH?.split(delimiter)[0] || join(env.HOME || homedir(), "go");
    this.#folder = join(env.GOMODCACHE || join(gopath, "pkg", "mod"), "cache", "download");
  }

  /** Takes a line such as `go: downloading k8s.io/api v0.36.3`; others are none of its business. */
  takeLine(line: string): void {
    const [, module, version] = /^go: downloading (\S+) (\S+)/.exec(line) ?? [];
    // The cache writes capitals as "!" and the small letter, for file systems that do not tell them apart.
    const path = (text: string) => text.replace(/[A-Z]/g, (capital) => `!${capital.toLowerCase()}`);
    if (module && version) this.#sizes.set(join(this.#folder, path(module), "@v", `${path(version)}.zip`), 0);
  }

  /** `12 modules, 34 MB`, or undefined before the first. */
  async describe(): Promise<string | undefined> {
    if (this.#sizes.size === 0) return undefined;
    for (const [file, size] of this.#sizes) {
      if (size > 0) continue;
      const found = await stat(file).catch(() => undefined);
      if (found) this.#sizes.set(file, found.size);
    }
    const bytes = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    const count = this.#sizes.size === 1 ? "1 module" : `${this.#sizes.size} modules`;
    return `${count}, ${Math.round(bytes / 1e6)} MB`;
  }
}
