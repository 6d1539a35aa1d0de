import {
  outputsOfStack,
  type StateResource,
  type StateSecrets,
  stackType,
  stateResources,
} from "../../domain/engineState.ts";
import { lastLine } from "../../domain/lastLine.ts";
import { refuse } from "./refusals.ts";
import type { EngineCommands } from "./stackEngine.ts";

/** Resources of a stack as its engine exports them, the stack itself not among them. */
export async function exportedResources(
  engine: Pick<EngineCommands, "capture">,
  signal: AbortSignal,
  secrets: StateSecrets = "hidden",
): Promise<StateResource[]> {
  return (await exportedState(engine, signal, secrets)).filter(({ type }) => type !== stackType);
}

/** Outputs of a stack as its engine exports them; secrets read `[secret]`. */
export async function exportedOutputs(
  engine: Pick<EngineCommands, "capture">,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  return outputsOfStack(await exportedState(engine, signal, "hidden"));
}

async function exportedState(
  engine: Pick<EngineCommands, "capture">,
  signal: AbortSignal,
  secrets: StateSecrets,
): Promise<StateResource[]> {
  const shown = secrets === "hidden" ? [] : ["--show-secrets"];
  const { code, stdout, stderr } = await engine.capture(["stack", "export", ...shown], signal);
  signal.throwIfAborted();
  if (code !== 0) throw refuse("state.unreadable", { reason: lastLine(stderr) ?? `exit code ${code}` });
  return [...stateResources(stdout, secrets)];
}
