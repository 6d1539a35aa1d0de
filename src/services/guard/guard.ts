import type { ClientBase } from "pg";
import { type BadRollout, readBadRollouts } from "../../adapters/postgres/takeBack/badVerdicts.ts";
import { openTakeBacks } from "../../adapters/postgres/takeBack/takeBacks.ts";
import { messageOf } from "../../domain/errors.ts";
import { goOn, type TakeBackPorts, takeBack } from "./takeBack.ts";

/** Said where an alert or a person reads it, once for each change. */
export interface GuardNews {
  readonly model: string;
  /** Such as `taken back` or `not taken back: …`. */
  readonly what: string;
  readonly isTrouble: boolean;
}

export interface GuardPorts extends TakeBackPorts {
  /** Judges every rollout that has a judge, and stores what it finds. */
  readonly judge: (client: ClientBase) => Promise<unknown>;
  readonly tell: (news: GuardNews) => void;
}

/**
 * One turn of the guard: judges, takes back what is bad, and goes on with what is under way. What fails for one rollout is told and holds
 * up no other; the next turn tries it again. Throws where the database does not answer.
 */
export async function guardTurn(ports: GuardPorts): Promise<void> {
  const { client, judge, tell } = ports;
  // Judging that fails must not keep a take-back that is under way from its end.
  const judged = await judge(client).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  for (const open of await openTakeBacks(client)) await each(ports, open.model, () => goOn(ports, open));
  for (const bad of await readBadRollouts(client)) await act(ports, bad, tell);
  if (judged) throw judged.error;
}

async function act(ports: GuardPorts, bad: BadRollout, tell: GuardPorts["tell"]): Promise<void> {
  const { action, model, reason, ...intent } = bad;
  if (action === "tell") return tell({ model, what: `is bad, and only told: ${reason}`, isTrouble: true });
  await each(ports, model, () => takeBack(ports, { ...intent, action, reason }));
}

async function each({ tell, signal }: GuardPorts, model: string, work: () => ReturnType<typeof goOn>): Promise<void> {
  try {
    const outcome = await work();
    if (outcome.state === "done") tell({ model, what: "taken back, or held", isTrouble: false });
    if (outcome.state === "cannot") tell({ model, what: `not taken back yet: ${outcome.why}`, isTrouble: true });
  } catch (error) {
    signal?.throwIfAborted();
    tell({ model, what: `not taken back yet: ${messageOf(error)}`, isTrouble: true });
  }
}
