import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** Not `pulumi-language-nodejs`. Some distributions wrap the engine, as `.pulumi-wrapped`. */
const engineName = /^\.?pulumi(-wrapped|-bin|\.exe)?$/;
/** Between the program and the engine is its language host. */
const ancestors = 4;

/** The engine that runs a program. */
export interface EngineProcess {
  readonly args: readonly string[];
  /** Its working folder. */
  readonly folder: string;
}

/**
 * Command line and working folder of the engine that runs this program, which it tells its programs in no other way.
 * Undefined where there is none, and on systems without `/proc`.
 */
export function engineAbove(parent: number = process.ppid): EngineProcess | undefined {
  let pid = parent;
  for (let above = 0; above < ancestors && pid > 1; above += 1) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (engineName.test(basename(args[0] ?? ""))) return { args, folder: readlinkSync(`/proc/${pid}/cwd`) };
      // `pid (name) state parent`: a name may hold spaces and parentheses (proc_pid_stat(5)).
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ");
      pid = Number(fields[1]);
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The value of `--config-file`, in either way of writing it. */
export function configFileOption(args: readonly string[]): string | undefined {
  return optionValues(args, ["--config-file"])[0] || undefined;
}

/** Whether a run of the engine is about some of the stack's resources only. */
export function isPartial(args: readonly string[]): boolean {
  return optionValues(args, ["--target", "-t", "--target-replace", "--exclude"]).length > 0;
}

/** Whether a run of the engine shows or logs messages for debugging. */
export function showsDebugging(args: readonly string[]): boolean {
  return args.some(
    (arg) => /^(-[a-z]*[dv]|--(debug|verbose|logtostderr|logflow)\b)/.test(arg) && !arg.endsWith("=false"),
  );
}

function optionValues(args: readonly string[], names: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (names.includes(arg)) return [args[index + 1] ?? ""];
    const name = names.find((each) => arg.startsWith(`${each}=`));
    return name === undefined ? [] : [arg.slice(name.length + 1)];
  });
}
