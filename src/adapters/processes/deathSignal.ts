import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Command line by which `command` gets `signal` as soon as this process has ended, whatever ended it: a kill -9 then leaves no
 * compiler at work for nobody. By util-linux's `setpriv` (prctl(2), PR_SET_PDEATHSIG); where that is not there, the command as it is.
 */
export function endingWithUs(
  signal: "INT" | "TERM",
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly [command: string, args: readonly string[]] {
  // A command that is missing is to fail by itself, as such.
  if (process.platform !== "linux" || !isFound(command, env)) return [command, args];
  return isFound("setpriv", env) ? ["setpriv", ["--pdeathsig", signal, "--", command, ...args]] : [command, args];
}

function isFound(command: string, { PATH = "" }: NodeJS.ProcessEnv): boolean {
  const places = command.includes("/") ? [command] : PATH.split(delimiter).map((folder) => join(folder, command));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
