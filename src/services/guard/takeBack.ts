import type { ClientBase } from "pg";
import {
  existingApps,
  platformApps,
  type RevertOptions,
  revertApps,
} from "../../adapters/postgres/takeBack/revertApps.ts";
import {
  holdMigration,
  noteStep,
  type OpenTakeBack,
  openTakeBack,
  openTakeBacks,
  type TakeBackIntent,
} from "../../adapters/postgres/takeBack/takeBacks.ts";
import { messageOf } from "../../domain/errors.ts";
import { describeOpened } from "../../domain/zoo/takeBack.ts";
import { type OldVersion, standInFor, weightFor } from "../../domain/zoo/takeBackWeight.ts";

/** The split of a rollout's requests, as the database holds it. */
export interface GuardedTraffic {
  readonly generation: number;
  readonly from: string;
  readonly hash: string;
  /** Percent. */
  readonly weight: number;
}

/** What a take-back works on. */
export interface TakeBackPorts {
  /** By the guard's own login; for one take-back at a time. */
  readonly client: ClientBase;
  readonly traffic: {
    /** As it is now; undefined where none was ever set. */
    read(model: string): Promise<GuardedTraffic | undefined>;
    /** Check and set on the generation. `moved on` where it is another one by now, or no rollout is under way. */
    lower(takeBack: OpenTakeBack, expected: number, weight: number): Promise<"set" | "moved on">;
    /** Writes the gateway's object as the database has it by then. */
    apply(model: string): Promise<void>;
  };
  /** Works in the existing database of apps by the guard's own login there. @default it has none */
  readonly elsewhere?: (<T>(work: (client: ClientBase) => Promise<T>) => Promise<T>) | undefined;
  /** How the old version stands. */
  readonly oldVersion: (takeBack: OpenTakeBack) => Promise<OldVersion>;
  readonly signal?: AbortSignal | undefined;
  /** Rows of one transaction at most. @default as many as a tenth of a second moves */
  readonly batchRows?: number | undefined;
}

/** What came of it: all of it is done, or something is in the way and it goes on at the next call. */
export type TakeBackOutcome =
  | { readonly state: "done" | "moved on" }
  | { readonly state: "cannot"; readonly why: string };

/**
 * Takes a rollout back: intent; hold on the forward migration; weight 0; apps back; outcome. Each step is journaled once it is done, and
 * harmless when it is done again, so that the same call goes on from wherever the one before was killed. It waits for no `up`: whatever
 * that one does next is refused by the database.
 */
export async function takeBack(ports: TakeBackPorts, intent: TakeBackIntent): Promise<TakeBackOutcome> {
  const id = await openTakeBack(ports.client, intent);
  if (id === undefined) return { state: "moved on" };
  const open = (await openTakeBacks(ports.client)).find((each) => each.id === id);
  return open ? goOn(ports, open) : { state: "done" };
}

/** Does what is left of a take-back that is under way. */
export async function goOn(ports: TakeBackPorts, open: OpenTakeBack): Promise<TakeBackOutcome> {
  const { client } = ports;
  const { id, action, steps } = open;
  const isDone = (step: (typeof steps)[number]) => steps.includes(step);
  const cannot = async (why: string): Promise<TakeBackOutcome> => {
    await noteStep(client, id, "cannot", { why });
    return { state: "cannot", why };
  };
  // A database that is away must not keep requests from going back.
  const obstacle = isDone("held") && action === "revert" ? undefined : await holdElsewhere(ports, open);
  if (!isDone("held")) await holdMigration(client, id);
  if (action === "hold" && obstacle !== undefined) return cannot(obstacle);
  if (action === "revert") {
    if (!isDone("weight")) {
      const obstacle = await withoutWeight(ports, open);
      if (obstacle !== undefined) return cannot(obstacle);
      await noteStep(client, id, "weight");
    }
    if (!isDone("reverted")) {
      const { obstacle } = await revertApps(client, platformApps(client, id), optionsOf(ports));
      if (obstacle !== undefined) return cannot(obstacle);
      const other = await revertElsewhere(ports, open);
      if (other !== undefined) return cannot(other);
      await noteStep(client, id, "reverted");
    }
  }
  await noteStep(client, id, "done");
  return { state: "done" };
}

function optionsOf({ signal, batchRows }: TakeBackPorts): RevertOptions {
  return { signal, ...(batchRows === undefined ? {} : { batchRows }) };
}

/** Answers what is in the way. */
function holdElsewhere(ports: TakeBackPorts, open: OpenTakeBack): Promise<string | undefined> {
  return withAppsElsewhere(ports, open, async (_client, apps) => {
    await apps.hold();
    return undefined;
  });
}

function revertElsewhere(ports: TakeBackPorts, open: OpenTakeBack): Promise<string | undefined> {
  return withAppsElsewhere(
    ports,
    open,
    async (client, apps) => (await revertApps(client, apps, optionsOf(ports))).obstacle,
  );
}

async function withAppsElsewhere(
  { elsewhere, signal }: TakeBackPorts,
  open: OpenTakeBack,
  work: (client: ClientBase, apps: ReturnType<typeof existingApps>) => Promise<string | undefined>,
): Promise<string | undefined> {
  const { id, targetApps } = open;
  if (!targetApps) return undefined;
  const { table } = targetApps;
  if (!elsewhere) return `apps in ${table} are not taken back automatically: the guard has no login there`;
  const state = describeOpened(open);
  try {
    const obstacle = await elsewhere((client) => work(client, existingApps(client, { id, ...targetApps }, state)));
    return obstacle && `apps in ${table}: ${obstacle}`;
  } catch (error) {
    signal?.throwIfAborted();
    return `apps in ${table}: ${messageOf(error)}`;
  }
}

/** Somebody else may change the weight in between, such as an `up` that lowers it: then it is read again, so often at most. */
const mostReads = 20;

/**
 * Takes the new version's requests away, as far as the old one can answer them, and answers what is in the way of the rest. The gateway is
 * told also where the weight is 0 already: the guard before may have been killed before it told it.
 */
async function withoutWeight(
  { traffic, oldVersion, signal }: TakeBackPorts,
  open: OpenTakeBack,
): Promise<string | undefined> {
  for (let reads = 0; reads < mostReads; reads += 1) {
    signal?.throwIfAborted();
    const held = await traffic.read(open.model);
    // Of another rollout: this one's version has no weight any more.
    if (!held || held.from !== open.from || held.hash !== open.hash) return undefined;
    if (held.weight === 0) {
      await traffic.apply(open.model);
      return undefined;
    }
    const old = await oldVersion(open);
    const weight = Math.min(held.weight, weightFor(old));
    if (weight < held.weight && (await traffic.lower(open, held.generation, weight)) === "moved on") continue;
    await traffic.apply(open.model);
    if (weight > 0) return standInFor(old, weight);
  }
  return "others change the weight again and again";
}
