import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { type CommandResult, type HostProcess, hostProcesses, type TestHome } from "./menagerie.ts";

/** Waits until `attempt` answers something, at most `withinMs`. */
async function until<T>(attempt: () => T | undefined, withinMs: number): Promise<T | undefined> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const found = attempt();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

/** What has an `up` do what it refused: a change takes the model of the one before out of the stack file. */
function agreementTo({ code, stderr }: CommandResult): string[] {
  const agreed = code === 3 ? /--agreed (\S+)/.exec(stderr)?.[1] : undefined;
  return agreed === undefined ? [] : ["--agreed", agreed];
}

/** Ups of one environment whose engine is killed. */
export class KilledUps {
  readonly #home: TestHome;
  #changes = 0;

  constructor(home: TestHome) {
    this.#home = home;
  }

  /** Edits the stack file so that the next `up` creates, replaces and updates: one more model, another FACTOR. */
  async change(): Promise<void> {
    this.#changes += 1;
    const file = join(this.#home.project, "Pulumi.local.yaml");
    const text = await readFile(file, "utf8");
    const model = `another${this.#changes}: { truss: models/multiplier, phase: done, resources: { cpu: 100m, memory: 256Mi } }`;
    await writeFile(
      file,
      text
        .replace(/^ {4}another\d+:.*\n/m, "")
        .replace("menagerie:zoo:\n", `menagerie:zoo:\n    ${model}\n`)
        .replace(/FACTOR: "\d+"/, `FACTOR: "${this.#changes + 2}"`),
    );
  }

  /** The engine's file backend. */
  get #backend(): string {
    return join(this.#home.path, "environments/local/pulumi/backend/.pulumi");
  }

  /** Factor that the stack file says now. */
  get factor(): number {
    return this.#changes + 2;
  }

  /** Runs `menagerie up` and sends its engine SIGKILL `afterMs` after it began; 0 milliseconds is at once. */
  async kill(afterMs: number, agreement: readonly string[] = []): Promise<CommandResult> {
    const running = this.#home.menagerie(["up", ...agreement]);
    let ended = false;
    void running.then(() => {
      ended = true;
    });
    const engine = await until(() => (ended ? 0 : this.#home.engine()), 120_000);
    if (!engine) {
      const refused = await running;
      const asked = agreementTo(refused);
      if (agreement.length === 0 && asked.length > 0) return this.kill(afterMs, asked);
      throw new Error(`no engine began: ${refused.stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    try {
      process.kill(engine, "SIGKILL");
    } catch {
      // It was done already.
    }
    return running;
  }

  /** Language hosts and plugins that run for the environment's engine now. */
  plugins(): HostProcess[] {
    return hostProcesses().filter(({ command }) =>
      command.startsWith(join(this.#home.path, "environments/local/pulumi/home")),
    );
  }

  /** The next `up` makes everything as declared, and leaves no trace of the interruption. */
  async expectConvergence(): Promise<void> {
    const first = await this.#home.menagerie(["up"]);
    const asked = agreementTo(first);
    const { code, stdout, stderr } = asked.length === 0 ? first : await this.#home.menagerie(["up", ...asked]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).not.toMatch(/pending operations|locked/);
    const { stdout: answer } = await this.#home.menagerie(["predict", "multiplier", "--data", '{"values": ["10"]}']);
    expect(JSON.parse(answer)).toEqual({ results: [10 * this.factor] });
    const again = await this.#home.menagerie(["pulumi", "--", "preview", "--expect-no-changes"]);
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(await readdir(join(this.#backend, "locks/organization/menagerie/local")).catch(() => [])).toEqual([]);
    // Written in place, attributes are what a kill can cut in half.
    expect((await readdir(this.#backend, { recursive: true })).filter((name) => name.endsWith(".attrs"))).toEqual([]);
    expect(await readFile(join(this.#backend, "stacks/menagerie/local.json"), "utf8")).not.toContain(
      '"pending_operations"',
    );
  }
}
