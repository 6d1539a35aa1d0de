import type { SupervisorStatus } from "./supervisor/supervisor.ts";

/**
 * How long a start is waited for: as long as it gets on. A busy machine needs minutes for what takes 20 s otherwise, and one
 * answer that did not come in time says nothing; so what counts is the time since the last part or step was done.
 */
export class StartupPatience {
  readonly #withoutProgressMs: number;
  #furthest = Number.NEGATIVE_INFINITY;
  #movedAt: number;
  #last: SupervisorStatus | undefined;

  /** @param now - when the start began, in milliseconds */
  constructor(withoutProgressMs: number, now: number) {
    this.#withoutProgressMs = withoutProgressMs;
    this.#movedAt = now;
  }

  /** The last status that the supervisor answered; undefined where it never did. */
  get last(): SupervisorStatus | undefined {
    return this.#last;
  }

  /** Takes in an answer, or that there was none. A part that goes up and down gets nowhere: only new ground counts. */
  see(status: SupervisorStatus | undefined, now: number): void {
    if (!status) return;
    this.#last = status;
    const ready = status.parts.filter(({ state }) => state === "ready").length;
    const reached = ready - status.pendingSteps.length;
    if (reached <= this.#furthest) return;
    this.#furthest = reached;
    this.#movedAt = now;
  }

  isOver(now: number): boolean {
    return now - this.#movedAt > this.#withoutProgressMs;
  }
}
