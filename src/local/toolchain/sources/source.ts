import type { Progress } from "../../../domain/progress.ts";
import type { BuildContext } from "../build.ts";
import type { AnyTool } from "../tools.ts";

export interface SourceContext extends BuildContext {
  /** For lines that stay: what was decided, what failed and what follows from it. */
  readonly progress: Progress;
}

/** Executable → absolute path. */
export type Executables = Readonly<Record<string, string>>;

/**
 * One place besides the cache, the machine and a build that a tool may come from. It puts what it has at `target` in one step, in
 * the layout of a build (executables and `tool.json`), while the caller holds the tool's lock.
 */
export interface Source {
  /**
   * Answers undefined where it does not have the tool, and the next source is tried. Throws an `OperatorError` where the operator
   * demanded this source, else the signal's reason.
   *
   * @param say replaces what the tool's progress line shows, such as `12 of 55 MB`
   */
  obtain(tool: AnyTool, target: string, say: (detail: string) => void): Promise<Executables | undefined>;
}
