import { headOf } from "./chain.ts";
import type { Probe, SyncState } from "./ports.ts";
import { reload } from "./send.ts";
import { end, next, pause, type SyncContext, type Turn } from "./turn.ts";

/** Between two questions whether the model answers, in milliseconds. */
const probeEveryMs = 100;

/** The process has the head's files: says so once the model answers. */
export async function claim(context: SyncContext, state: SyncState): Promise<Turn> {
  const { chain, revision } = state;
  const { control, store, versionId } = context;
  const { hash, seq } = headOf(chain);
  // Sending the running hash again starts a process that was never started, and does nothing else. Without a process,
  // asking the model would block the control server for a minute.
  const started = await control.patch({ hash, prevHash: hash, patches: [] });
  context.trustsRecord &&= started.kind === "accepted";
  if (started.kind === "inadmissible") return next;
  if (started.kind !== "accepted") return pause(started.reason);
  const probe = await control.probe();
  context.running = { hash, answers: probe.answers };
  if (!probe.answers) return notAnswering(context, state, probe);
  // A later patch may have come in between, and be what answers; even if it was undone since, its sender wrote it down first.
  const [still, after] = await Promise.all([control.runningHash(), store.read(versionId)]);
  if (!still.ok) return pause(still.reason);
  context.trustsRecord = false;
  if (still.value !== hash || after?.revision !== revision) return next;
  context.seen.set(control.instance, { hash, answers: true });
  const { sent, hot, applyMs } = context;
  return { end: { state: "synced", hash, generation: chain.generation, seq, sent, hot, applyMs } };
}

async function notAnswering(
  context: SyncContext,
  state: SyncState,
  probe: Exclude<Probe, { answers: true }>,
): Promise<Turn> {
  const now = context.clock.now();
  const { state: heard, reason } = probe;
  // Not heard is not seen to be down.
  if (heard === "unreachable") return pause(reason);
  if (context.down?.state !== heard) context.down = { since: now, state: heard, isFirst: context.down === undefined };
  const { since, isFirst } = context.down ?? { since: now, isFirst: true };
  // What is seen first may be the mark of an earlier process: it stays until the one that replaces it has begun.
  const isOwnFailure = heard === "load_failed" && !isFirst;
  const isDown = heard === "load_failed" || heard === "stopped";
  if (!isOwnFailure && !(isDown && now - since >= context.times.downMs)) return pause(reason, probeEveryMs);
  const { hash, seq } = headOf(state.chain);
  const { seen, control } = context;
  const before = seen.get(control.instance);
  const hasFailed = isOwnFailure || (before?.hash === hash && !before.answers);
  // A process that ends before it has removed the mark of an earlier one counts as one that gave up, so nobody starts it again.
  if (!hasFailed && !context.isStartedAgain) {
    context.isStartedAgain = true;
    return reload(context, state, seq, false);
  }
  seen.set(control.instance, { hash, answers: false });
  return end(context, "failed", `the patches are in, but the model does not answer: ${reason}`);
}
