import { OperatorError } from "../../domain/errors.ts";
import { lastLine } from "../../domain/lastLine.ts";
import type { StoredResource } from "../../domain/preview/destruction.ts";
import type { EngineCommands } from "../up/stackEngine.ts";

/** How the engine's exports mark a value that is a secret. */
const secretMark = "4dabf18193072939515e22adb298388d";

/**
 * Resources of a stack, the stack itself not among them, with their secrets in plain text: the handlers that would delete them need
 * them too. Nothing of it is printed or written.
 */
export async function storedResources(engine: EngineCommands, signal: AbortSignal): Promise<StoredResource[]> {
  const { code, stdout, stderr } = await engine.capture(["stack", "export", "--show-secrets"], signal);
  signal.throwIfAborted();
  if (code !== 0) {
    throw new OperatorError(lastLine(stderr) ?? "the stack's state cannot be read");
  }
  const { deployment } = JSON.parse(stdout, plainSecret) as {
    deployment?: { resources?: StoredResource[] | null } | null;
  };
  return (deployment?.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
}

function plainSecret(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(secretMark in value)) return value;
  const { plaintext } = value as { plaintext?: unknown };
  return typeof plaintext === "string" ? JSON.parse(plaintext) : value;
}
