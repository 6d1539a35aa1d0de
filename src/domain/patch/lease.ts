import type { SyncIntent, SyncRecord, SyncState } from "./ports.ts";
import { end, next, type SyncContext, type Turn } from "./turn.ts";

/** The record that a sync has the lease of. */
export interface Lease {
  readonly record: SyncRecord;
  readonly revision: number;
}

/** Writes down that a container has the files of `seq` and that nothing is under way. */
export async function recordAt(context: SyncContext, state: SyncState, seq: number): Promise<Turn> {
  await write(context, state, { ...blank(context, state), ...kept(context, state), at: seq, intent: null });
  return next;
}

/** Writes down, for every later sync too, that the container cannot be used any more. */
export async function breakRecord(context: SyncContext, state: SyncState, reason: string): Promise<Turn> {
  if (state.record?.broken === reason && state.record.instance === context.control.instance) {
    return end(context, "recreate", reason);
  }
  const record = { ...blank(context, state), ...kept(context, state), broken: reason };
  if (!(await write(context, state, record))) return next;
  return end(context, "recreate", reason);
}

/** Ends the lease of a container that cannot be used any more. */
export async function breakLease(context: SyncContext, { record, revision }: Lease, reason: string): Promise<Turn> {
  const isWritten = await context.store.writeRecord(context.versionId, { ...record, broken: reason }, revision);
  return isWritten ? end(context, "recreate", reason) : next;
}

/** Writes down what is about to be sent; undefined where another sync was first. */
export async function take(
  context: SyncContext,
  state: SyncState,
  intent: Omit<SyncIntent, "id" | "until">,
): Promise<Lease | undefined> {
  const until = context.clock.now() + context.times.leaseMs;
  const record: SyncRecord = {
    ...blank(context, state),
    ...kept(context, state),
    intent: { ...intent, id: context.id, until },
  };
  context.hasTaken = true;
  const isTaken = await write(context, state, record);
  context.hasTaken = isTaken;
  return isTaken ? { record, revision: state.revision + 1 } : undefined;
}

/** Ends the lease at `seq`. `late`: earlier requests may still arrive. */
export async function close(context: SyncContext, lease: Lease, seq: number, late: boolean): Promise<Turn> {
  const { store, clock, versionId, times } = context;
  context.down = undefined;
  context.isDown = false;
  const lateUntil = late ? clock.now() + times.lateMs : lease.record.lateUntil;
  await store.writeRecord(versionId, { ...lease.record, at: seq, intent: null, lateUntil }, lease.revision);
  context.hasTaken = false;
  return next;
}

/** What the record says, if it is about this container. */
export function kept({ control }: SyncContext, { chain, record }: SyncState): Partial<SyncRecord> {
  return record?.instance === control.instance && record.generation === chain.generation ? record : {};
}

function write(context: SyncContext, state: SyncState, record: SyncRecord): Promise<boolean> {
  return context.store.writeRecord(context.versionId, record, state.revision);
}

function blank({ control }: SyncContext, { chain, record }: SyncState): SyncRecord {
  const { generation } = chain;
  const refused = record?.generation === generation ? record.refused : null;
  const { instance, startedAt } = control;
  return { generation, instance, startedAt, at: null, intent: null, lateUntil: 0, broken: null, refused };
}
