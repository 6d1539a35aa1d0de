import { createInterface } from "node:readline/promises";
import type { StateResource } from "../../domain/engineState.ts";
import { destruction } from "../../domain/preview/destruction.ts";
import { exportedResources } from "../up/exportedState.ts";
import { refuse } from "../up/refusals.ts";
import type { EngineCommands } from "../up/stackEngine.ts";
import { type Destroyed, holds } from "./holds.ts";

export interface DestroyOptions {
  readonly stack: string;
  /** The stack's name again, as the yes of whoever cannot be asked. */
  readonly yes?: string | undefined;
  readonly askCluster: Destroyed["askCluster"];
  readonly signal: AbortSignal;
}

/**
 * Deletes everything that a stack has, or nothing: what would stop the engine halfway is found before it begins. Answers the
 * engine's exit code; throws with exit code 3, and nothing done, where something holds the stack or a yes is missing.
 */
export async function destroyStack(engine: EngineCommands, options: DestroyOptions): Promise<number> {
  const { stack, yes, askCluster, signal } = options;
  if (yes !== undefined && yes !== stack) {
    throw refuse("destroy.other-name", { yes, stack });
  }
  // In the clear, as the handlers that would delete them need them. Nothing of it is printed or written.
  const resources = await exportedResources(engine, signal, "plain");
  if (resources.length === 0) {
    console.log(`stack "${stack}" has no resources`);
    return 0;
  }
  const found = destruction(resources);
  console.error(`stack "${stack}" has ${found.count} resources, among them what serves, stores or is protected:`);
  for (const { what, effect } of found.removals) console.error(`  delete ${what}: ${effect}`);
  if (found.removals.length === 0) console.error("  nothing");
  const held = await holds({ resources, askCluster });
  signal.throwIfAborted();
  if (held.length > 0) {
    throw refuse("destroy.held", { stack, held: held.join("\n  ") });
  }
  if (yes === undefined) await agree(engine, stack, resources, signal);
  // What is protected is in the list, and the yes was to all of it.
  const agreed = resources.some(({ protect }) => protect) ? ["--ignore-protect"] : [];
  return engine.run(["destroy", "--yes", "--skip-preview", ...agreed]);
}

async function agree(
  engine: EngineCommands,
  stack: string,
  resources: readonly StateResource[],
  signal: AbortSignal,
): Promise<void> {
  if (!process.stdin.isTTY) {
    throw refuse("destroy.nobody-to-ask", { stack });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question("All of this is deleted for good. Type the stack's name to agree: ", {
      signal,
    });
    if (answer.trim() !== stack) throw refuse("destroy.said-no");
  } finally {
    terminal.close();
  }
  // Time has passed: somebody may have deployed meanwhile.
  const known = new Map(resources.map(({ urn, protect = false }) => [urn, protect]));
  const later = await exportedResources(engine, signal);
  if (later.every(({ urn, protect = false }) => known.has(urn) && (!protect || known.get(urn)))) return;
  throw refuse("destroy.changed-meanwhile", { stack });
}
