import { createHash } from "node:crypto";
import { createInterface } from "node:readline/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { StateResource } from "../../adapters/kubernetes/missingObjects.ts";
import { badInput, OperatorError } from "../../domain/errors.ts";
import type { Preview } from "../../domain/preview/preview.ts";
import {
  type DeclaredModels,
  describeRemoval,
  identity,
  isWithin,
  type Removal,
  removals,
  unagreed,
} from "../../domain/preview/removals.ts";
import { type Captured, unaskedUp } from "../../local/engine.ts";
import { readPreview } from "../preview/readPreview.ts";

/** The engine of one stack, whichever CLI and backend it has. */
export interface StackEngine {
  /** Runs `pulumi ARGS` with the terminal's own streams; answers its exit code. */
  run(args: readonly string[]): Promise<number>;
  /** Runs `pulumi ARGS`; answers what it printed, whatever its exit code. */
  capture(args: readonly string[], signal: AbortSignal): Promise<Captured>;
}

export interface Agreement {
  readonly declared: DeclaredModels;
  /** Names of what may be deleted. */
  readonly yesDelete: readonly string[];
  /** Hash of the list that was agreed to. */
  readonly agreed?: string | undefined;
  /** Where the stack's objects are looked for. */
  readonly cluster: () => Promise<KubeConfig>;
  readonly signal: AbortSignal;
}

/**
 * `pulumi up` that deletes and replaces nothing that serves or stores without a yes: that of the edit which names it, of a person
 * at the terminal, of `--yes-delete`, or of a list that was agreed to before. What the cluster has lost is made again. Answers the
 * engine's exit code; throws with exit code 3, and nothing done, where a yes is missing.
 */
export async function agreedUp(engine: StackEngine, agreement: Agreement): Promise<number> {
  const { signal } = agreement;
  const resources = await stateOf(engine, signal);
  // Of an empty state nothing can be deleted.
  if (resources.length === 0) return engine.run(unaskedUp);
  await forgetMissing(engine, resources, agreement);
  const preview = await previewOf(engine, signal);
  const list = removals(preview, agreement.declared);
  for (const removal of list) console.error(`  ${describeRemoval(removal)}`);
  if (preview.steps.every(({ op }) => op === "same" || op === "read")) {
    for (const { message, severity } of preview.diagnostics) if (severity === "warning") console.error(message.trim());
    console.log(`Resources:\n    ${resources.length} unchanged`);
    return 0;
  }
  await agree(engine, list, agreement);
  return engine.run(unaskedUp);
}

async function agree(engine: StackEngine, list: readonly Removal[], agreement: Agreement): Promise<void> {
  const { yesDelete, agreed, declared, signal } = agreement;
  const { asked, unknown } = unagreed(list, yesDelete);
  if (unknown.length > 0) {
    const names = [...new Set(list.map(({ name }) => name))].join(", ");
    throw badInput(
      `--yes-delete ${unknown.join(" ")}: nothing of this name is deleted; the preview deletes ${names || "nothing"}`,
    );
  }
  if (asked.length === 0) return;
  const hash = hashOf(list);
  if (agreed !== undefined) {
    if (agreed === hash) return;
    throw notAgreed(`--agreed ${agreed}: the list above is another one, ${hash}; review it, and nothing was done`);
  }
  if (!process.stdin.isTTY) {
    const names = [...new Set(asked.map(({ name }) => name))].join(" ");
    throw notAgreed(
      `what serves or stores would go, and nothing was done; add --yes-delete ${names}, or --agreed ${hash}`,
    );
  }
  if (!(await saysYes(signal))) throw notAgreed("not agreed to, and nothing was done");
  // Time has passed: what is about to run may be another thing than what was read.
  const later = removals(await previewOf(engine, signal), declared);
  if (isWithin(later, list)) return;
  for (const removal of later) console.error(`  ${describeRemoval(removal)}`);
  throw notAgreed(
    "meanwhile more would go than what you agreed to, see above; nothing was done, run the command again",
  );
}

/** What is agreed to: the changes that a person is asked about, in whatever order. 16 hex digits. */
export function hashOf(list: readonly Removal[]): string {
  const lines = list.filter(({ asked }) => asked).map(identity);
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex").slice(0, 16);
}

function notAgreed(message: string): OperatorError {
  return new OperatorError(message, { exitCode: 3 });
}

async function saysYes(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question("Delete these? [y/N] ", { signal })).trim());
  } finally {
    terminal.close();
  }
}

/** Resources of the stack; the stack itself is not among them. */
export async function stateOf(engine: StackEngine, signal: AbortSignal): Promise<StateResource[]> {
  const { code, stdout, stderr } = await engine.capture(["stack", "export"], signal);
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError(lastLine(stderr) ?? "the stack's state cannot be read");
  const { deployment } = JSON.parse(stdout) as { deployment?: { resources?: StateResource[] | null } | null };
  return (deployment?.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack");
}

/** The engine would leave alone what it takes to be there. */
async function forgetMissing(
  engine: StackEngine,
  resources: readonly StateResource[],
  { cluster, signal }: Agreement,
): Promise<void> {
  const { missingObjects } = await import("../../adapters/kubernetes/missingObjects.ts");
  // A cluster that cannot be asked is the program's to tell.
  const missing = await cluster()
    .then((config) => missingObjects(config, resources))
    .catch(() => []);
  if (missing.length === 0) return;
  const names = missing.map(({ urn }) => urn.split("::").at(-1)).join(", ");
  console.error(`not in the cluster any more, and made again: ${names}`);
  const targets = missing.flatMap(({ urn }) => ["--target", urn]);
  const { code, stdout, stderr } = await engine.capture(["refresh", "--yes", "--skip-preview", ...targets], signal);
  signal.throwIfAborted();
  if (code !== 0) throw new OperatorError(`the stack's state could not be refreshed: ${lastLine(stderr) ?? stdout}`);
}

async function previewOf(engine: StackEngine, signal: AbortSignal): Promise<Preview> {
  const { code, stdout, stderr } = await engine.capture(["preview", "--json"], signal);
  signal.throwIfAborted();
  const preview = stdout.trim().startsWith("{") ? readPreview(stdout) : undefined;
  if (preview && code === 0) return preview;
  for (const { severity, message } of preview?.diagnostics ?? []) {
    if (severity === "error") console.error(`error: ${message.trim()}`);
  }
  if (!preview) console.error(stderr.trim());
  throw new OperatorError("nothing was changed: the stack cannot be brought to what it declares, see above");
}

function lastLine(text: string): string | undefined {
  return text.trim().split("\n").at(-1) || undefined;
}
