import { messageOf } from "../errors.ts";
import { headOf, isSameChain } from "./chain.ts";
import { claim } from "./claim.ts";
import { breakRecord, recordAt } from "./lease.ts";
import { installs, patient, Stuck } from "./patience.ts";
import type { SyncIntent, SyncState } from "./ports.ts";
import { expectedHash, isHeadContent, locate } from "./position.ts";
import { advance, reload, start } from "./send.ts";
import {
  end,
  pause,
  type SyncContext,
  type SyncOptions,
  type SyncPorts,
  type SyncResult,
  shown,
  type Turn,
} from "./turn.ts";

/**
 * Brings the running container of a version to the head of its chain: reads the running hash, sends what is missing, and
 * repeats until the head is what runs and the model answers. Any number of syncs may run at once, in any number of
 * processes: the record's lease lets one send, and the control server's own check-and-set refuses what is out of order.
 *
 * What is sent is written down before, so a sync that ends at any point leaves no doubt behind that a later one would
 * not see; see `facts/truss.md` on what the control server's own word is not worth.
 */
export async function sync(versionId: string, ports: SyncPorts, options: SyncOptions = {}): Promise<SyncResult> {
  const times: Required<SyncOptions> = {
    withinMs: options.withinMs ?? 120_000,
    leaseMs: options.leaseMs ?? 30_000,
    lateMs: options.lateMs ?? 180_000,
    downMs: options.downMs ?? 15_000,
    drainMs: options.drainMs ?? 25_000,
    stuckMs: options.stuckMs ?? 3_000,
    requestSize: options.requestSize ?? 32 * 1024 * 1024,
  };
  const context: SyncContext = {
    seen: new Map(),
    ...ports,
    control: patient(ports.control, () => context),
    versionId,
    id: ports.newId(),
    times,
    running: { hash: null, answers: null },
    trustsRecord: true,
    sent: 0,
    hot: false,
    applyMs: 0,
    down: undefined,
    isStartedAgain: false,
    isDown: false,
    isInstalling: false,
    hasTaken: false,
  };
  const deadline = ports.clock.now() + times.withinMs;
  let pauses = 0;
  for (;;) {
    const turn = await round(context)
      .catch((error: unknown) => stuck(context, error))
      .catch((error: unknown) => again(context, error));
    if ("end" in turn) return turn.end;
    const isLate = ports.clock.now() >= deadline;
    if (isLate) {
      const reason = "pause" in turn ? turn.pause : "patches come faster than they can be applied";
      return { state: "unsettled", reason, running: shown(context.running) };
    }
    if ("pause" in turn) {
      await ports.clock.sleep(Math.min(25 * 2 ** pauses, turn.atMostMs));
      pauses = Math.min(pauses + 1, 10);
    } else pauses = 0;
  }
}

async function round(context: SyncContext): Promise<Turn> {
  const { store, control, clock, versionId } = context;
  const state = await store.read(versionId);
  if (!state) return end(context, "fullDeployment", "the version was never deployed");
  const { chain, record } = state;
  const intent = intentOf(context, state);
  if (isOthers(context, intent)) return pause("another replica is sending patches", 250);
  context.isInstalling = intent !== null && installs(chain, intent.from, Math.max(intent.from, ...intent.to));
  if (record && record.instance !== control.instance && record.startedAt >= control.startedAt) {
    return end(context, "replaced", "a later container has taken the place of this one");
  }
  const expected = context.trustsRecord ? expectedHash(state, control.instance, clock.now()) : undefined;
  context.trustsRecord = expected !== undefined;
  const hash = expected === undefined ? await control.runningHash() : ({ ok: true, value: expected } as const);
  if (!hash.ok) return pause(hash.reason);
  context.running = { hash: expected === undefined ? hash.value : null, answers: null };
  const position = locate(state, control.instance, hash.value);
  if (position.kind !== "known") {
    // Record and hash were read one after the other, and another replica may have moved both in between.
    if (!isSameState(state, await store.read(versionId))) return pause("another replica is sending patches", 250);
    return position.kind === "unknown"
      ? end(context, "fullDeployment", position.reason)
      : breakRecord(context, state, position.reason);
  }
  const { seq, trust } = position;
  if (trust === "doubt")
    return seq === headOf(chain).seq
      ? reload(context, state, seq, true)
      : advance(context, state, position, hash.value);
  if (!isHeadContent(chain, seq)) return advance(context, state, position, hash.value);
  if (trust === "fresh") return start(context, state);
  return seq === headOf(chain).seq ? claim(context, state) : recordAt(context, state, headOf(chain).seq);
}

/**
 * A sync that others wait for goes on when the database answers again: one that ended here would keep them waiting for its whole lease.
 */
function again({ hasTaken }: SyncContext, error: unknown): Turn {
  if (!hasTaken) throw error;
  return pause(messageOf(error));
}

/** A container whose model's process does not end is replaced. */
async function stuck(context: SyncContext, error: unknown): Promise<Turn> {
  if (!(error instanceof Stuck)) throw error;
  const state = await context.store.read(context.versionId);
  if (!state || isOthers(context, intentOf(context, state))) return pause(error.message);
  return breakRecord(context, state, error.message);
}

/** What is under way to this container. */
function intentOf({ control }: SyncContext, { record }: SyncState): SyncIntent | null {
  return record?.instance === control.instance ? record.intent : null;
}

/** Whether another sync has the container's lease. */
function isOthers({ id, clock }: SyncContext, intent: SyncIntent | null): boolean {
  return intent !== null && intent.id !== id && intent.until > clock.now();
}

function isSameState(before: SyncState, after: SyncState | undefined): boolean {
  return after !== undefined && before.revision === after.revision && isSameChain(before.chain, after.chain);
}
