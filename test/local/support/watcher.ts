import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestHome } from "./menagerie.ts";

/** `menagerie watch MODEL`, with what it says. */
export class Watcher {
  readonly #child: ChildProcess;
  readonly #lines: Record<string, unknown>[] = [];
  readonly #ended: Promise<number | null>;
  #wake: () => void = () => {};
  /** What it wrote to standard error, and every line of its output. */
  errors = "";
  output = "";

  /** @param options - of the command; a model's name before them. Default: greeter */
  constructor(home: TestHome, ...options: string[]) {
    const model = options[0]?.startsWith("-") === false ? [] : ["greeter"];
    this.#child = spawn(
      process.execPath,
      [join(home.project, "src/cli/main.ts"), "watch", ...model, "--json", ...options],
      { env: { ...process.env, MENAGERIE_HOME: home.path }, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#ended = new Promise((resolve) => this.#child.once("exit", resolve));
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error("the watcher has no streams");
    createInterface({ input: stdout }).on("line", (line) => {
      this.output += `${line}\n`;
      this.#lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
    stderr.on("data", (chunk) => {
      this.errors += chunk;
    });
  }

  /** The next line about `event`; those before it are skipped. */
  async next(event: string, withinMs = 180_000): Promise<Record<string, unknown>> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line?.event === event) return line;
      if (line) continue;
      if (Date.now() > deadline) throw new Error(`no "${event}" within ${withinMs} ms; ${this.errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1_000);
      });
    }
  }

  /** Whether a line about `event` has come that nobody has taken. */
  has(event: string): boolean {
    return this.#lines.some((line) => line.event === event);
  }

  /** Ctrl-C; answers the exit code. */
  interrupt(): Promise<number | null> {
    this.#child.kill("SIGINT");
    return this.#ended;
  }
}
