import { lastLine } from "../../domain/lastLine.ts";
import { refuse } from "./refusals.ts";
import type { EngineCommands } from "./stackEngine.ts";

/**
 * Resources of a stack as its engine exports them, the stack itself not among them.
 *
 * @param options - `args` of `stack export`: with `--show-secrets` nothing of the answer may be printed or written; `revive` as `JSON.parse`
 * has it.
 */
export async function exportedResources<Resource extends { readonly type: string }>(
  engine: Pick<EngineCommands, "capture">,
  signal: AbortSignal,
  {
    args = [],
    revive,
  }: { readonly args?: readonly string[]; readonly revive?: (key: string, value: unknown) => unknown } = {},
): Promise<Resource[]> {
  const { code, stdout, stderr } = await engine.capture(["stack", "export", ...args], signal);
  signal.throwIfAborted();
  if (code !== 0) throw refuse("state.unreadable", { reason: lastLine(stderr) ?? `exit code ${code}` });
  const { deployment } = JSON.parse(stdout, revive) as { deployment?: { resources?: Resource[] | null } | null };
  return (deployment?.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
}
