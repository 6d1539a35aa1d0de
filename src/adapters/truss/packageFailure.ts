import { messageOf, OperatorError } from "../../domain/errors.ts";
import { CommandFailed, lastMeaningfulLine } from "./process.ts";
import { refuse } from "./refusals.ts";

/** One sentence for what stopped an installation of Python packages. Aborts and sentences of ours pass unchanged. */
export function packageFailure(what: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof OperatorError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const output = error instanceof CommandFailed ? error.output : messageOf(error);
  if (code === "ENOSPC" || /No space left on device|os error 28\b/.test(output)) {
    return refuse("packages.disk-full", { what }, error);
  }
  if (!(error instanceof CommandFailed)) return error;
  const line = lastMeaningfulLine(output);
  if (
    /dns error|failed to lookup|error sending request|Failed to fetch|ConnectionError|NewConnectionError|timed out/i.test(
      output,
    )
  ) {
    return refuse("packages.index-unreachable", { what, line }, error);
  }
  const [, unbuilt] = /(?:Wheels are required|Building source distributions) for `([^`]+)`/.exec(output) ?? [];
  if (unbuilt !== undefined) return refuse("packages.no-wheel", { what, package: unbuilt }, error);
  return refuse("packages.not-installable", { what, line }, error);
}
