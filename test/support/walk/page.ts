import { given } from "../../../src/environment/given.ts";

/**
 * What a page of the docs does: its blocks that are marked as runnable, in order. A mark is a word behind the language of a fenced block,
 * where a reader of the page does not see it:
 *
 *     ```console run           commands behind `$ `, continued by lines behind `> `, and what each prints
 *     ```console run exit=3    the last command ends with this exit code (default: 0)
 *     ```console run again     the last command is repeated until it prints this, because what it shows takes a moment
 *     ```console run in=watch  the command goes on in a terminal of its own; a later block without a command is what it prints next, and a
 *                              line `^C` interrupts it
 *     ```diff run              an edit: `--- FILE` and the lines of it that change, each place with as much around it as is needed to find it
 */
export type Step = Commands | Terminal | Edit;

interface Placed {
  /** Line of the page on which the block begins, from 1. */
  readonly line: number;
}

export interface Commands extends Placed {
  readonly kind: "commands";
  readonly commands: readonly Command[];
  readonly exit: number;
  readonly again: boolean;
}

export interface Command {
  readonly command: string;
  readonly prints: readonly string[];
}

export interface Terminal extends Placed {
  readonly kind: "terminal";
  readonly name: string;
  /** Missing where the terminal goes on with what runs in it. */
  readonly command?: string;
  readonly prints: readonly string[];
  readonly interrupted: boolean;
}

export interface Edit extends Placed {
  readonly kind: "edit";
  readonly file: string;
  readonly places: readonly { readonly before: string; readonly after: string }[];
}

/** The steps of a page, which is Markdown. Throws where a mark or a block is not one of those above. */
export function stepsOf(page: string): Step[] {
  const lines = page.split("\n");
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, fence, info = ""] = /^(`{3,}|~{3,})(.*)$/.exec(lines[at] ?? "") ?? [];
    if (fence === undefined) continue;
    const end = lines.indexOf(fence, at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
    const [language, mark, ...options] = info.trim().split(/\s+/);
    if (mark === "run") steps.push(stepOf(language ?? "", options, lines.slice(at + 1, end), at + 1));
    at = end;
  }
  return steps;
}

function stepOf(language: string, options: readonly string[], block: readonly string[], line: number): Step {
  if (language === "diff" && options.length === 0) return editOf(block, line);
  if (language !== "console")
    throw new Error(`line ${line}: "${language} ${options.join(" ")}" is not a runnable block`);
  const known = { exit: 0, again: false, terminal: "" };
  for (const option of options) {
    const [, exit, terminal] = /^(?:exit=(\d+)|in=([a-z]+)|again)$/.exec(option) ?? ["", undefined, ""];
    if (terminal === "") throw new Error(`line ${line}: "${option}" is not an option of a runnable block`);
    if (terminal !== undefined) known.terminal = terminal;
    else if (exit !== undefined) known.exit = Number(exit);
    else known.again = true;
  }
  return known.terminal === ""
    ? { kind: "commands", line, commands: commandsOf(block, line), exit: known.exit, again: known.again }
    : terminalOf(known.terminal, block, line);
}

function commandsOf(block: readonly string[], line: number): Command[] {
  const commands: { command: string; prints: string[] }[] = [];
  for (const each of block) {
    const last = commands.at(-1);
    if (each.startsWith("$ ")) commands.push({ command: each.slice(2), prints: [] });
    else if (!last) throw new Error(`line ${line}: the block does not begin with a command`);
    else if (/^> ?/.test(each) && last.prints.length === 0) last.command += `\n${each.replace(/^> ?/, "")}`;
    else last.prints.push(each);
  }
  if (commands.length === 0) throw new Error(`line ${line}: the block has no command`);
  return commands;
}

function terminalOf(name: string, block: readonly string[], line: number): Terminal {
  const [first] = block;
  const command = first?.startsWith("$ ") ? first.slice(2) : undefined;
  const rest = command === undefined ? block : block.slice(1);
  if (rest.some((each) => each.startsWith("$ "))) throw new Error(`line ${line}: a terminal runs one command`);
  const interrupted = rest.at(-1) === "^C";
  return {
    kind: "terminal",
    line,
    name,
    ...given({ command }),
    prints: interrupted ? rest.slice(0, -1) : rest,
    interrupted,
  };
}

function editOf(block: readonly string[], line: number): Edit {
  const [, file] = /^--- (\S+)$/.exec(block[0] ?? "") ?? [];
  if (file === undefined) throw new Error(`line ${line}: an edit begins with "--- FILE"`);
  // A line `@@` stands between places that are not next to each other.
  const places = block
    .slice(1)
    .join("\n")
    .split(/^@@.*\n/m)
    .map((place) => place.split("\n").filter((each) => each !== ""));
  const side = (place: readonly string[], sign: string) =>
    place
      .filter((each) => each.startsWith(" ") || each.startsWith(sign))
      .map((each) => `${each.slice(1)}\n`)
      .join("");
  for (const each of places.flat())
    if (!/^[ +-]/.test(each)) throw new Error(`line ${line}: "${each}" is not a line of an edit`);
  return {
    kind: "edit",
    line,
    file,
    places: places.map((place) => ({ before: side(place, "-"), after: side(place, "+") })),
  };
}

/** A file's text after an edit. Throws where a place of it is not in the text, or more than once. */
export function edited(text: string, { places, file, line }: Edit): string {
  return places.reduce((now, { before, after }) => {
    const found = now.split(before).length - 1;
    if (before === "") return now + after;
    if (found !== 1) throw new Error(`line ${line}: ${file} has ${found} places like\n${before}`);
    return now.replace(before, () => after);
  }, text);
}
