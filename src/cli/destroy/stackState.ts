import { isEngineSecret } from "../../domain/engineSecret.ts";
import type { StoredResource } from "../../domain/preview/destruction.ts";
import { exportedResources } from "../up/exportedState.ts";
import type { EngineCommands } from "../up/stackEngine.ts";

/**
 * Resources of a stack, the stack itself not among them, with their secrets in plain text: the handlers that would delete them need
 * them too. Nothing of it is printed or written.
 */
export function storedResources(engine: EngineCommands, signal: AbortSignal): Promise<StoredResource[]> {
  return exportedResources(engine, signal, { args: ["--show-secrets"], revive: plainSecret });
}

function plainSecret(_key: string, value: unknown): unknown {
  if (!isEngineSecret(value)) return value;
  return typeof value.plaintext === "string" ? JSON.parse(value.plaintext) : value;
}
