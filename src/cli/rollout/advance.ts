import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ClientBase } from "pg";
import { inTransaction } from "../../adapters/postgres/transaction.ts";
import {
  type Advance,
  beginAdvance,
  endAdvance,
  lockAdvances,
  openAdvance,
  readJudged,
} from "../../adapters/postgres/zoo/advances.ts";
import { readZooRegistry } from "../../adapters/postgres/zoo/registry.ts";
import { readRolloutTraffic } from "../../adapters/postgres/zoo/traffic.ts";
import { OperatorError } from "../../domain/errors.ts";
import { isMapping } from "../../domain/mapping.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import {
  type AdvancedEntry,
  type AdvanceFacts,
  type AdvanceTarget,
  describeEntryEdits,
  type EntryEdit,
  hasEntryEdits,
  nextStep,
  withEntryEdits,
} from "../../domain/zoo/advance.ts";
import { refuseAdvance } from "../../domain/zoo/advanceRefusals.ts";
import { standings } from "../../domain/zoo/standing.ts";
import { describeTakeBack } from "../../domain/zoo/takeBack.ts";
import { operatorName } from "../operatorDatabase.ts";
import type { StackFile } from "../releases/stackFile.ts";
import { type AdvancedStack, refuseOthers } from "./advancedStack.ts";

export interface AdvanceRequest {
  readonly stack: string;
  /** Name of the zoo model. */
  readonly model: string;
  /** @default one step */
  readonly to?: AdvanceTarget | undefined;
  /** Whether to wait for evidence. */
  readonly wait: boolean;
  /** Milliseconds that it may wait, and how that was written. @default without end */
  readonly within?: { readonly milliseconds: number; readonly text: string } | undefined;
  readonly signal: AbortSignal;
}

/** What an advance works with. */
export interface AdvancePorts {
  readonly client: ClientBase;
  readonly run: AdvancedStack;
  readonly readFile: () => Promise<StackFile>;
  /** Called at each look, so that a terminal can show it. */
  readonly look: (facts: AdvanceFacts) => void;
  readonly note: (line: string) => void;
  /** Before anything is edited: whether git is as the step needs it. @default nothing is checked */
  readonly before?: (() => Promise<void>) | undefined;
  /** After a step was deployed, such as a commit that is pushed. @default nothing */
  readonly after?: ((step: AdvancedStep, path: string) => Promise<void>) | undefined;
  /** Hands a step to others to be deployed, such as a pull request, and the advance ends. @default it is deployed */
  readonly propose?: ((edits: readonly EntryEdit[], facts: AdvanceFacts) => Promise<void>) | undefined;
  /** Milliseconds between two looks. @default 2000 */
  readonly lookEvery?: number | undefined;
}

/** A step that was deployed. */
export interface AdvancedStep {
  readonly edits: readonly EntryEdit[];
  readonly at: Date;
}

/**
 * Takes a rollout forward while its judge says good: writes each step into the stack's file and deploys it, where a preview of the file before the
 * edit holds nothing. A step that was begun and not deployed goes on first, so the command may be killed at any point and run again.
 * Answers the steps that this run deployed.
 * @throws OperatorError, with exit code 3 where something has to become true first
 */
export async function advance(request: AdvanceRequest, ports: AdvancePorts): Promise<readonly AdvancedStep[]> {
  const { stack, model, to, wait, within, signal } = request;
  const { client, look, note, lookEvery = 2_000 } = ports;
  await lockAdvances(client, stack);
  const steps: AdvancedStep[] = [];
  const resumed = ports.propose ? undefined : await resume(request, ports);
  if (resumed) {
    steps.push(resumed);
    if (to === undefined) return steps;
  }
  let until = deadline();
  for (;;) {
    const facts = await factsNow(client, model, await ports.readFile());
    look(facts);
    const next = nextStep(facts, to);
    if (next.kind === "arrived") return steps;
    if (next.kind === "stop") throw refused(next.refusal);
    if (next.kind === "edit") {
      if (ports.propose) {
        await ports.propose(next.edits, facts);
        return steps;
      }
      steps.push(await deployStep(request, ports, next.edits, facts));
      note(`${model}: ${describeEntryEdits(next.edits)} is deployed`);
      if (to === undefined) return steps;
      until = deadline();
      continue;
    }
    const said = { model, edits: describeEntryEdits(next.edits), because: next.because.join("; ") };
    if (!wait) throw refuseAdvance("advance.not-yet", said);
    if (within && Date.now() >= until) throw refuseAdvance("advance.time-is-up", { ...said, within: within.text });
    await delay(lookEvery, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  function deadline(): number {
    return Date.now() + (within?.milliseconds ?? 0);
  }
}

/** What the database and the stack's file say by now. */
export async function factsNow(client: ClientBase, model: string, file: StackFile): Promise<AdvanceFacts> {
  const { registry, traffic, judged } = await inTransaction(
    client,
    async () => ({
      registry: await readZooRegistry(client, [model]),
      traffic: await readRolloutTraffic(client, model),
      judged: await readJudged(client, model),
    }),
    { readOnly: true },
  );
  const standing = standings(registry).find(({ name }) => name === model);
  const recorded = registry.rollouts.get(model);
  const isOfThis = traffic !== undefined && traffic.from === recorded?.from && traffic.hash === recorded.hash;
  return {
    model,
    phase: standing?.phase ?? "off",
    entry: entryOf(file.effective, model),
    weight: isOfThis ? traffic.weight : undefined,
    refused: standing?.next.refused ?? null,
    judged,
    takenBack: standing?.takenBack ? `${model}: ${describeTakeBack(standing.takenBack, new Date())}` : undefined,
  };
}

function entryOf(config: StackConfig, model: string): AdvancedEntry & Readonly<Record<string, unknown>> {
  const { zoo } = config;
  const entry = isMapping(zoo) ? zoo[model] : undefined;
  return isMapping(entry) ? entry : {};
}

/** Goes on with the step that an earlier run began. Undefined where there was none, or where somebody has edited the file since. */
async function resume(request: AdvanceRequest, ports: AdvancePorts): Promise<AdvancedStep | undefined> {
  const { client, note } = ports;
  const open = await openAdvance(client, request.stack);
  if (!open) return undefined;
  const edits = describeEntryEdits(open.edits);
  if (open.model !== request.model) throw refuseAdvance("advance.other-model", { other: open.model, edits });
  const file = await ports.readFile();
  const facts = await factsNow(client, open.model, file);
  const isWritten = hasEntryEdits(entryOf(file.config, open.model), open.edits, "to");
  // What has become bad meanwhile is not deployed, and the file says again what is.
  if (facts.takenBack !== undefined || facts.judged?.state.decided) {
    if (isWritten) await file.write(editedConfig(file.config, open.model, open.edits, "from"));
    await endAdvance(client, open, "given up");
    return undefined;
  }
  if (!isWritten) {
    await endAdvance(client, open, "given up");
    return undefined;
  }
  note(`${open.model}: ${edits} was begun at ${open.begunAt.toISOString()} and goes on`);
  return runOrPutBack(request, ports, open, file.path);
}

/** Previews the file, which must hold nothing, records the step, edits the file and deploys it. */
export async function deployStep(
  request: Pick<AdvanceRequest, "stack" | "model" | "signal">,
  ports: AdvancePorts,
  edits: readonly EntryEdit[],
  { judged }: AdvanceFacts,
): Promise<AdvancedStep> {
  const { stack, model, signal } = request;
  const { client, run } = ports;
  await ports.before?.();
  const previewed = await ports.readFile();
  refuseOthers(await run.pending(signal));
  const file = await ports.readFile();
  if (!isDeepStrictEqual(file.effective, previewed.effective)) {
    throw refuseAdvance("advance.file-changed", { file: file.path });
  }
  refuseOverruled(file, model, edits);
  const intent = { stack, model, edits, judgementId: judged?.judgementId, requestedBy: operatorName() };
  const id = await beginAdvance(client, intent);
  await file.write(editedConfig(file.config, model, edits, "to"));
  return runOrPutBack(request, ports, { id, model, edits }, file.path);
}

/** A step that is refused before anything of it is done leaves the file as it was. */
async function runOrPutBack(
  request: Pick<AdvanceRequest, "signal">,
  ports: AdvancePorts,
  step: Pick<Advance, "id" | "model" | "edits">,
  path: string,
): Promise<AdvancedStep> {
  try {
    return await runStep(request, ports, step, path);
  } catch (error) {
    if (!(error instanceof OperatorError && error.exitCode === 3)) throw error;
    const file = await ports.readFile();
    await file.write(editedConfig(file.config, step.model, step.edits, "from"));
    await endAdvance(ports.client, step, "given up");
    throw error;
  }
}

/** A value that the environment has stored would win over the edit, which would then do nothing. */
function refuseOverruled(file: StackFile, model: string, edits: readonly EntryEdit[]): void {
  const before = new Set(file.overruled(file.config, isZoo));
  const [sentence] = file
    .overruled(editedConfig(file.config, model, edits, "to"), isZoo)
    .filter((each) => !before.has(each));
  if (sentence !== undefined) throw refuseAdvance("advance.overruled", { sentence });
}

function isZoo(key: string): boolean {
  return key === "zoo" || key.startsWith("zoo.");
}

/** A stack's config with the edits of one model, or without them. */
export function editedConfig(
  config: StackConfig,
  model: string,
  edits: readonly EntryEdit[],
  side: "from" | "to",
): StackConfig {
  const zoo = isMapping(config.zoo) ? config.zoo : {};
  return { ...config, zoo: { ...zoo, [model]: withEntryEdits(entryOf(config, model), edits, side) } };
}

/** Deploys a step that is recorded and written. */
export async function runStep(
  { signal }: Pick<AdvanceRequest, "signal">,
  { client, run, after }: AdvancePorts,
  step: Pick<Advance, "id" | "model" | "edits">,
  path: string,
): Promise<AdvancedStep> {
  const { model, edits } = step;
  const code = await run.up(model, signal);
  if (code !== 0) throw refuseAdvance("advance.up-failed", { model, edits: describeEntryEdits(edits) });
  const done = { edits, at: new Date() };
  await after?.(done, path);
  await endAdvance(client, step, "deployed");
  return done;
}
