import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { preferredPorts } from "../../../src/local/hostPorts.ts";
import type { TestHome } from "../../local/support/menagerie.ts";
import { soon } from "../soon.ts";
import { filledIn, matched, type Names } from "./match.ts";
import { type Commands, edited, type Step, stepsOf, type Terminal } from "./page.ts";

/** How long a step may take before it counts as hanging. Milliseconds; nothing waits for as long where it goes well. */
const patience = 900_000;
/** The same, for what takes a moment. */
const momentary = 180_000;

/** Lines of what was printed that a difference shows, from the end. */
const shown = 60;

/** Something was printed otherwise than the page says; the walk can go on. */
class Difference extends Error {}

/**
 * Follows a page as a reader does, in a project folder and a home of its own: one shell for its commands, so that variables stay, and a
 * terminal for each name behind `in=`. The ports that the page names are those of an environment that is alone on its machine.
 */
export class Walk {
  readonly #home: TestHome;
  readonly #page: string;
  readonly #shell: Shell;
  readonly #terminals = new Map<string, { readonly shell: Shell; read: number }>();
  readonly #differences: string[] = [];
  #names: Names = new Map();

  constructor(home: TestHome, page: string) {
    this.#home = home;
    this.#page = page;
    this.#shell = new Shell(home);
  }

  /**
   * Answers what was printed otherwise than the page says, with both texts. Ends at a command whose exit code is another one, and where a
   * name of the page is missing because of a difference before it.
   */
  async follow(): Promise<readonly string[]> {
    const steps = stepsOf(await readFile(join(this.#home.project, this.#page), "utf8"));
    try {
      for (const step of steps) await this.#take(step);
    } catch (error) {
      this.#differences.push(String(error));
    }
    return this.#differences;
  }

  /** Ends its shells and what runs in them. */
  async end(): Promise<void> {
    for (const { shell } of this.#terminals.values()) await shell.end();
    await this.#shell.end();
  }

  async #take(step: Step): Promise<void> {
    if (step.kind === "commands") return this.#run(step);
    if (step.kind === "terminal") return this.#watch(step);
    const file = join(this.#home.project, step.file);
    const places = step.places.map(({ before, after }) => ({
      before: filledIn(before, this.#names),
      after: filledIn(after, this.#names),
    }));
    await writeFile(file, edited(await readFile(file, "utf8"), { ...step, places }));
  }

  async #run({ commands, exit, again, line }: Commands): Promise<void> {
    for (const [index, { command, prints }] of commands.entries()) {
      const isLast = index === commands.length - 1;
      const once = async () => {
        const { code, output } = await this.#shell.run(this.#ours(filledIn(command, this.#names)));
        const said = this.#theirs(output);
        const names = matched(prints, said, this.#names);
        const difference = this.#difference(line, command, prints, said, `exit code ${code}`);
        if (code !== (isLast ? exit : 0)) throw new Error(difference);
        if (!names) throw new Difference(difference);
        this.#names = names;
      };
      await this.#noting(isLast && again ? soon(once, { within: momentary, every: 2_000 }) : once());
    }
  }

  async #watch({ name, command, prints, interrupted, line }: Terminal): Promise<void> {
    let terminal = this.#terminals.get(name);
    if (command !== undefined) {
      await terminal?.shell.end();
      terminal = { shell: new Shell(this.#home), read: 0 };
      this.#terminals.set(name, terminal);
      terminal.shell.start(this.#ours(filledIn(command, this.#names)));
    }
    if (!terminal) throw new Error(`${this.#page}:${line}: nothing runs in the terminal ${name}`);
    const { shell, read } = terminal;
    const printed = async () => {
      const said = this.#theirs(shell.output.slice(read));
      const names = matched(prints, said, this.#names);
      if (!names) throw new Difference(this.#difference(line, `(terminal ${name})`, prints, said, "so far"));
      this.#names = names;
    };
    await this.#noting(soon(printed, { within: momentary }));
    terminal.read = shell.output.length;
    if (interrupted) await shell.end();
  }

  async #noting(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      if (!(error instanceof Difference)) throw error;
      this.#differences.push(error.message);
    }
  }

  #difference(line: number, command: string, prints: readonly string[], said: string, how: string): string {
    const end = said.trim().split("\n").slice(-shown).join("\n");
    return `${this.#page}:${line}: $ ${command}\n--- the page\n${prints.join("\n")}\n--- printed, ${how}\n${end}\n`;
  }

  /** A command with this environment's ports in place of the usual ones. */
  #ours(command: string): string {
    return this.#pairs().reduce((text, { usual, own }) => text.replaceAll(`:${usual}`, `:${own}`), command);
  }

  /** What was printed, with the usual ports. */
  #theirs(output: string): string {
    return this.#pairs().reduce((text, { usual, own }) => text.replaceAll(`:${own}`, `:${usual}`), output);
  }

  #pairs(): { usual: number; own: string }[] {
    return Object.entries(preferredPorts).flatMap(([name, usual]) => {
      const own = this.#home.ports[`--${name}-port`];
      return own === undefined ? [] : [{ usual, own }];
    });
  }
}

/** A bash in the project's folder. `npx menagerie` and `npm run up` are the checkout's own launcher, without npm before it. */
class Shell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  output = "";

  constructor({ path, project, ports: own }: TestHome) {
    const options = Object.entries(own).flat().join(" ");
    this.#child = spawn("bash", ["--noprofile", "--norc"], {
      cwd: project,
      env: { ...process.env, MENAGERIE_HOME: path, NO_COLOR: "1" },
      // A group of its own: an interrupt reaches what runs in it, as in a terminal.
      detached: true,
    });
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdout.on("data", (chunk) => {
      this.output += chunk;
    });
    this.#child.stdin.on("error", () => {
      // It has ended: `run` says so.
    });
    this.#child.stdin.write(`exec 2>&1
menagerie() { if [ "$1" = up ]; then node bin/menagerie.mjs "$@" ${options}; else node bin/menagerie.mjs "$@"; fi; }
npx() { if [ "$1" = menagerie ]; then "$@"; else command npx "$@"; fi; }
npm() { case "$*" in "run up") menagerie up ;; "run down"*) shift 2; [ "$1" = -- ] && shift; menagerie down "$@" ;; *) command npm "$@" ;; esac; }
`);
  }

  start(command: string): void {
    this.#child.stdin.end(`${command}\n`);
  }

  /** Its output, and its exit code. */
  async run(command: string): Promise<{ readonly code: number; readonly output: string }> {
    const mark = randomUUID();
    const begin = this.output.length;
    this.#child.stdin.write(`{\n${command}\n} < /dev/null; printf '\\n${mark} %d\\n' $?\n`);
    const end = new RegExp(`\\n${mark} (\\d+)\\n`);
    let found: RegExpExecArray | null = null;
    let isOver = false;
    void this.#closed.then(() => {
      isOver = true;
    });
    await soon(
      async () => {
        found = end.exec(this.output.slice(begin));
        if (!found && !isOver) throw new Error(`${command}: goes on for too long\n${this.output.slice(begin)}`);
      },
      { within: patience, every: 50 },
    );
    const [match, code] = (found as RegExpExecArray | null) ?? [];
    if (match === undefined) throw new Error(`${command}: the shell ended\n${this.output.slice(begin)}`);
    return { code: Number(code), output: this.output.slice(begin, this.output.indexOf(match, begin)) };
  }

  /** Interrupts what runs in it, and waits for its end. */
  async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    this.#child.stdin.end();
    if (pid !== undefined && exitCode === null && signalCode === null) {
      try {
        process.kill(-pid, "SIGINT");
      } catch {
        // It has ended meanwhile.
      }
    }
    await this.#closed;
  }
}
