import type { StateResource } from "../../domain/engineState.ts";
import type { Captured } from "../../local/engine.ts";

/** The engine of one stack, whichever CLI and backend it has. */
export interface EngineCommands {
  /** Runs `pulumi ARGS` with the terminal's own streams; answers its exit code. */
  run(args: readonly string[]): Promise<number>;
  /** Runs `pulumi ARGS`; answers what it printed, whatever its exit code. */
  capture(args: readonly string[], signal: AbortSignal): Promise<Captured>;
}

/** The same, with what is known of the stack's state. */
export interface StackEngine extends EngineCommands {
  /** Resources in the stack's state, the stack itself not among them; none before its first deployment. */
  resources(signal: AbortSignal): Promise<readonly StateResource[]>;
}
