import { hashAt, headOf, type PatchChain } from "./chain.ts";
import { breakLease, close, kept, type Lease, recordAt, take } from "./lease.ts";
import { installs } from "./patience.ts";
import type { PatchOutcome, Probe, Refusal, Reply, SyncState } from "./ports.ts";
import { nextStep, type Position, wireHash } from "./position.ts";
import { isAtGood, refusalOf, upTo, withPartialRefusal, withRefusal } from "./refusal.ts";
import { cold, isHot, squash } from "./squash.ts";
import { end, next, pause, type SyncContext, type Turn } from "./turn.ts";

type Known = Extract<Position, { kind: "known" }>;

/** A new container that needs no patch: starts its inference server, which waits for that. */
export async function start(context: SyncContext, state: SyncState): Promise<Turn> {
  const { hash, seq } = headOf(state.chain);
  const started = await context.control.patch({ hash, prevHash: hash, patches: [] });
  if (started.kind !== "accepted") return pause(started.reason);
  return recordAt(context, state, seq);
}

/**
 * The files are right, but what the process has loaded is not known, or it has ended: starts it anew. `late`: earlier requests may still
 * arrive.
 */
export async function reload(context: SyncContext, state: SyncState, seq: number, late: boolean): Promise<Turn> {
  const marked = context.running.hash !== hashAt(state.chain, seq);
  const lease = await take(context, state, { from: seq, to: marked ? [seq] : [] });
  if (!lease) return next;
  const whole = await refusePartial(context, lease);
  if (whole) return whole;
  return loadAnew(context, lease, { running: context.running.hash ?? "", seq, chain: state.chain, late });
}

/** Starts the process from the files of `seq`, which `running` is the hash of. */
async function loadAnew(
  context: SyncContext,
  lease: Lease,
  to: { readonly running: string; readonly seq: number; readonly chain: PatchChain; readonly late: boolean },
): Promise<Turn> {
  const { running, seq, chain, late } = to;
  const restarted = await restartOwn(context, lease, running);
  if (restarted) return restarted;
  const renamed = await rename(context, running, hashAt(chain, seq) ?? running);
  return renamed ?? close(context, lease, seq, late);
}

/** Sends the next patches, in one request, to a container whose hash is `running`. */
export async function advance(
  context: SyncContext,
  state: SyncState,
  position: Known,
  running: string | null,
): Promise<Turn> {
  const { control, clock } = context;
  const { chain } = state;
  const { seq, trust } = position;
  const wanted = nextStep(chain, seq, context.times.requestSize);
  const refusal = refusalOf(state, wanted.at(-1)?.seq, clock.now());
  if (refusal && running !== null) {
    if (isAtGood(chain, seq, refusal)) return stay(context, state, position, running, refusal);
  }
  const step = refusal ? nextStep(upTo(chain, refusal), seq, context.times.requestSize) : wanted;
  const target = step.at(-1);
  if (running === null || !target) return next;
  const before = kept(context, state).intent;
  const earlier = before?.from === seq ? before.to.filter((to) => to !== target.seq) : [];
  const ops = squash(step);
  const isImage = running === chain.baseHash;
  const mayBeHot = trust === "loaded" && !isImage && isHot(ops);
  const seen = context.seen.get(control.instance);
  const isKnownToAnswer = context.trustsRecord && seen?.answers === true && seen.hash === running;
  const isAsked = trust === "loaded" && !isKnownToAnswer && context.down === undefined;
  // Questions change nothing, so they wait for no lease, and not for each other.
  const [lease, askedPartial, probe] = await Promise.all([
    take(context, state, { from: seq, to: [...earlier, target.seq] }),
    isImage || context.trustsRecord ? undefined : control.isPartiallyApplied(),
    isAsked ? control.probe() : undefined,
  ]);
  if (!lease) return next;
  context.isDown = context.down !== undefined || isSeenDown(probe);
  context.isInstalling ||= installs(chain, seq, target.seq);
  const late = trust === "doubt" || lease.record.lateUntil > clock.now();
  if (isImage) {
    const owned = await refuseForeignProcess(context, lease, running);
    if (owned) return owned;
  }
  const partial = context.trustsRecord ? undefined : await refusePartial(context, lease, askedPartial);
  if (partial) return partial;

  const hot = !late && mayBeHot && context.down === undefined && (probe?.answers ?? true);
  const hash = wireHash(chain, target.seq, context.id);
  const begun = clock.now();
  const outcome = await control.patch({ hash, prevHash: running, patches: hot ? ops : cold(ops) });
  if (outcome.kind !== "accepted") {
    context.trustsRecord = false;
    return refused(context, lease, chain, outcome, { running, sent: hash, seq: target.seq, hot });
  }
  const applied = clock.now();
  const renamed = await rename(context, hash, target.nextHash);
  if (renamed) return renamed;
  // Where an earlier request may have been first, this one did nothing, and what that one loaded is not known.
  // A request without operations restarts nothing, so a process that is down stays down.
  if (late) {
    const restarted = await restartOwn(context, lease, target.nextHash);
    if (restarted) return restarted;
  } else if (ops.length === 0) {
    const started = await control.patch({ hash: target.nextHash, prevHash: target.nextHash, patches: [] });
    if (started.kind !== "accepted") return pause(started.reason);
  }
  context.sent += 1;
  context.hot = hot;
  context.applyMs = applied - begun;
  return close(context, lease, target.seq, late);
}

/** Leaves a container at what it has, running: the next patches were refused, and the model answers as before them. */
async function stay(
  context: SyncContext,
  state: SyncState,
  { seq, trust }: Known,
  running: string,
  { because }: Refusal,
): Promise<Turn> {
  if (trust === "doubt") return reload(context, state, seq, true);
  if (trust === "fresh") {
    const started = await context.control.patch({ hash: running, prevHash: running, patches: [] });
    if (started.kind !== "accepted") return pause(started.reason);
    return recordAt(context, state, seq);
  }
  return end(context, "failed", `the control server refused the patch, and the model goes on as before it: ${because}`);
}

/** An empty patch changes the hash and nothing else. */
async function rename(context: SyncContext, from: string, to: string): Promise<Turn | undefined> {
  if (from === to) return undefined;
  const renamed = await context.control.patch({ hash: to, prevHash: from, patches: [] });
  return renamed.kind === "accepted" ? undefined : pause(renamed.reason);
}

async function refused(
  context: SyncContext,
  lease: Lease,
  chain: PatchChain,
  outcome: Exclude<PatchOutcome, { kind: "accepted" }>,
  request: { readonly running: string; readonly sent: string; readonly seq: number; readonly hot: boolean },
): Promise<Turn> {
  const { running, sent, seq, hot } = request;
  const { control } = context;
  const { kind, reason } = outcome;
  if (kind === "unknown" || kind === "inadmissible") return pause(reason);
  if (kind === "unrecoverable") {
    const partial = `a patch was applied in part: ${reason}`;
    return breakLease(context, { ...lease, record: withPartialRefusal(lease.record, partial) }, partial);
  }
  const hash = await control.runningHash();
  if (!hash.ok) return pause(hash.reason);
  // A hot reload that failed has advanced the hash: the files are the new ones, the code is the old.
  if (kind === "recoverable" && hot && hash.value === sent) {
    context.sent += 1;
    return loadAnew(context, lease, { running: sent, seq, chain, late: false });
  }
  if (hash.value !== running) return next;
  context.running = { hash: hash.value, answers: null };
  const from = lease.record.intent?.from ?? 0;
  const record = withRefusal(lease.record, chain, { from, seq, reason, now: context.clock.now() });
  return close(context, { ...lease, record }, from, false);
}

/**
 * Killed alone, a control server leaves its inference server behind, which keeps the port: later patches "succeed" while
 * the old code serves. The hash is the image's then, so this is asked for there: whether the model still answers after
 * the control server has stopped its own.
 */
async function refuseForeignProcess(context: SyncContext, lease: Lease, hash: string): Promise<Turn | undefined> {
  const { control } = context;
  // Without a process that was ever started, the question would block the control server.
  const started = await control.patch({ hash, prevHash: hash, patches: [] });
  if (started.kind !== "accepted") return pause(started.reason);
  const stopped = await control.stopInference();
  if (!stopped.ok) return pause(stopped.reason);
  const probe = await control.probe();
  if (!probe.answers && (probe.state === "stopped" || probe.state === "load_failed")) return undefined;
  if (!probe.answers && probe.state === "unreachable") return pause(probe.reason);
  context.running = { hash, answers: probe.answers };
  return breakLease(context, lease, "an inference server of an earlier control server holds the port");
}

/** Starts the process anew, and makes sure that it is the control server's own that answers then. */
async function restartOwn(context: SyncContext, lease: Lease, hash: string): Promise<Turn | undefined> {
  const foreign = await refuseForeignProcess(context, lease, hash);
  if (foreign) return foreign;
  const restarted = await context.control.restartInference();
  return restarted.ok ? undefined : pause(restarted.reason);
}

/** A partial flag never clears, and the control server takes more patches all the same. */
async function refusePartial(context: SyncContext, lease: Lease, asked?: Reply<boolean>): Promise<Turn | undefined> {
  const partial = asked ?? (await context.control.isPartiallyApplied());
  if (!partial.ok) return pause(partial.reason);
  return partial.value ? breakLease(context, lease, "a patch was applied in part") : undefined;
}

/** Whether a model was seen not to answer, and not merely not heard. */
function isSeenDown(probe: Probe | undefined): boolean {
  return probe !== undefined && !probe.answers && probe.state !== "unreachable";
}
