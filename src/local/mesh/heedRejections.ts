import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { messageOf } from "../../domain/errors.ts";
import { findCulprits } from "./culprits.ts";
import type { EnvoyTables } from "./envoyTables.ts";
import { type Rejection, suspectsOf } from "./rejections.ts";
import {
  currentObject,
  leaveOut,
  type RoutingObject,
  routingObjects,
  sayRefused,
  sayTakenBack,
  takeBack,
} from "./routingObjects.ts";

/** An object that the gateway goes on without. */
export interface LeftOut {
  /** `kind namespace/name` */
  readonly object: string;
  /** Envoy's words. */
  readonly reason: string;
}

interface Heeded {
  readonly config: KubeConfig;
  readonly tables: EnvoyTables;
  readonly log: (line: string) => void;
}

const lookEveryMs = 1_000;
/** istiod tells Envoy so long after the last change; what Envoy says earlier is of the tables before. */
const toldAfterMs = 100;
/** By then Envoy has been told, also on a machine that does other things, if the change makes a difference to it. */
const saidWithinMs = 8_000;

/**
 * Keeps one object from holding back the others. Envoy refuses a table as a whole, so the objects that it refuses one for are found and kept
 * from istiod, by the label of a revision that nobody has, until their spec changes.
 */
export class Rejections {
  readonly #config: KubeConfig;
  readonly #tables: EnvoyTables;
  readonly #log: (line: string) => void;
  #out: readonly RoutingObject[] = [];
  #refusals = -1;

  constructor({ config, tables, log }: Heeded) {
    this.#config = config;
    this.#tables = tables;
    this.#log = log;
  }

  get leftOut(): readonly LeftOut[] {
    return this.#out.map((object) => ({ object: titleOf(object), reason: object.leftOut?.reason ?? "" }));
  }

  /** Until it is aborted. */
  async heed(signal: AbortSignal): Promise<void> {
    let lastError: string | undefined;
    for (let isKnown = false; !signal.aborted; ) {
      try {
        if (!isKnown) this.#out = await routingObjects(this.#config, { leftOut: true });
        isKnown = true;
        await this.#takeBackCorrected();
        await this.#look();
        lastError = undefined;
      } catch (error) {
        isKnown = false;
        // Envoy, istiod or the API server is being started again.
        const message = messageOf(error);
        if (message !== lastError) this.#log(`refused tables: ${message}`);
        lastError = message;
      }
      await delay(lookEveryMs, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const refusals = await this.#tables.refusals();
    if (refusals === this.#refusals) return;
    for (const rejection of await this.#tables.rejections()) await this.#leaveOutCulprits(rejection);
    this.#refusals = await this.#tables.refusals();
  }

  async #leaveOutCulprits(rejection: Rejection): Promise<void> {
    const { table, reason } = rejection;
    let changedAt = 0;
    const suspects = suspectsOf(rejection, await routingObjects(this.#config));
    const culprits = await findCulprits(suspects, {
      leaveOut: async (suspect) => {
        await leaveOut(this.#config, suspect);
        changedAt = Date.now();
      },
      takeBack: async (suspect) => {
        await takeBack(this.#config, suspect);
        changedAt = Date.now();
      },
      isTaken: () => this.#isTaken(table, changedAt),
    });
    if (culprits.length === 0) this.#log(`Envoy refuses a ${table}, and no object is found that it is for: ${reason}`);
    for (const culprit of culprits) {
      this.#log(`left out ${titleOf(culprit)}: Envoy refuses it: ${reason}`);
      this.#out = [...this.#out, { ...culprit, leftOut: { reason, generation: culprit.generation } }];
      await sayRefused(this.#config, culprit, reason);
    }
  }

  /** Whether Envoy takes the table that istiod makes after a change. */
  async #isTaken(table: string, changedAt: number): Promise<boolean> {
    for (;;) {
      await delay(toldAfterMs);
      const { rejections, lastTaken } = await this.#tables.standing();
      const rejection = rejections.find((each) => each.table === table);
      const isTold = (at: number): boolean => at > changedAt + toldAfterMs;
      if (rejection && isTold(rejection.lately)) return false;
      if (!rejection && isTold(lastTaken(table))) return true;
      if (Date.now() > changedAt + saidWithinMs) return rejection === undefined;
    }
  }

  /** Objects whose spec is another than the one that was refused are tried again. */
  async #takeBackCorrected(): Promise<void> {
    for (const object of this.#out) {
      const now = await currentObject(this.#config, object);
      const isStill = now?.leftOut !== undefined && now.leftOut.generation === now.generation;
      if (isStill) continue;
      this.#out = this.#out.filter((each) => each !== object);
      if (!now) continue;
      this.#log(`took back ${titleOf(object)}`);
      await takeBack(this.#config, now);
      await sayTakenBack(this.#config, now);
    }
  }
}

function titleOf({ kind, namespace, name }: RoutingObject): string {
  return `${kind} ${namespace}/${name}`;
}
