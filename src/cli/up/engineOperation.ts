import { unaskedUp } from "../../local/engine.ts";

/** A command of the engine that may delete or replace. */
export interface EngineOperation {
  /** Arguments that show what it would do, as JSON. */
  readonly preview: readonly string[];
  /** Arguments that do it. */
  readonly run: readonly string[];
  /** URNs that the command itself names to be replaced. */
  readonly named: readonly string[];
  /** Whether it deletes whatever it is not told to leave, whatever the config says: `agreed` where its arguments say yes to that. */
  readonly deletesAll: false | "asked" | "agreed";
  /** Whether it ends where the preview shows nothing to do. */
  readonly endsUnchanged: boolean;
}

/** What is protected is shown like everything else: whether it goes is agreed to. */
const shown = ["--json", "--show-sames", "--ignore-protect"];

/** Everything that a stack declares. */
export const plainUp: EngineOperation = {
  preview: ["preview", ...shown],
  run: unaskedUp,
  named: [],
  deletesAll: false,
  endsUnchanged: true,
};

/** Options that come before a command and have a value. */
const globalValues = new Set(["-C", "--cwd", "--color", "-v", "--verbose", "--tracing", "--profiling", "--env-file"]);
/** Options of `up` that `preview` does not have, or that would change what is printed; the second part has a value. */
const withoutMeaning = /^(--yes|--skip-preview|--continue-on-error|--strict|--diff|--json|-[yfj]+)(=|$)/;
const withoutMeaningValues = new Set(["--plan", "--secrets-provider"]);
const yes = /^(--yes(=true)?|-f?yf?)$/;
const replacing = new Set(["--replace", "--target-replace"]);
const destroying = new Set(["destroy", "down", "dn"]);

/** Name of the engine's command in its arguments: the first word that is no option's value. */
export function commandOf(args: readonly string[]): string | undefined {
  return args.find((arg, at) => !arg.startsWith("-") && !globalValues.has(args[at - 1] ?? ""));
}

/** The operation that the engine's own arguments ask for; undefined for a command that deletes nothing. */
export function operationOf(args: readonly string[]): EngineOperation | undefined {
  const command = commandOf(args);
  if (command === undefined) return undefined;
  const at = args.indexOf(command);
  const [before, after] = [args.slice(0, at), withMeaning(args.slice(at + 1))];
  if (destroying.has(command)) {
    const preview = [...before, "destroy", ...after, "--preview-only", ...shown];
    const deletesAll = args.some((arg) => yes.test(arg)) ? "agreed" : "asked";
    return { preview, run: args, named: [], deletesAll, endsUnchanged: false };
  }
  if (command !== "up" && command !== "update") return undefined;
  const preview = [...before, "preview", ...after, ...shown];
  return { preview, run: args, named: valuesOf(args, replacing), deletesAll: false, endsUnchanged: false };
}

function withMeaning(args: readonly string[]): string[] {
  return args.filter(
    (arg, at) =>
      !withoutMeaning.test(arg) &&
      !withoutMeaningValues.has(arg.split("=")[0] ?? "") &&
      !withoutMeaningValues.has(args[at - 1] ?? ""),
  );
}

/** Values of options, `--option VALUE` or `--option=VALUE`. */
function valuesOf(args: readonly string[], options: ReadonlySet<string>): string[] {
  return args.flatMap((arg, at) => {
    const [option = "", ...value] = arg.split("=");
    if (!options.has(option)) return [];
    const [next] = args.slice(at + 1);
    return value.length > 0 ? [value.join("=")] : next === undefined ? [] : [next];
  });
}
