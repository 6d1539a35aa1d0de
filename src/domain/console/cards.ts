import type { ModelState } from "../serving/modelState.ts";
import { type LastMinute, type ModelTraffic, trafficOf } from "../traffic/lastMinute.ts";
import type { Phase } from "../zoo/phases.ts";
import { notableOf, type ShownStanding } from "../zoo/shownStanding.ts";

/** Something of the cluster that answers for a model. */
export interface ServedState extends ModelState {
  /** The model's name. */
  readonly model: string;
  readonly kind: "zoo" | "development" | "shadow";
  /** Name of the InferenceService. */
  readonly service: string;
  readonly hash: string | null;
}

/** One version of a model, as its card shows it. */
export interface CardVersion {
  readonly number: number;
  readonly id: string;
  readonly hash: string;
  readonly isCurrent: boolean;
  readonly apps: number;
  /** Percent of the model's own requests that it answers; null where nothing divides them. */
  readonly weight: number | null;
  /** Null where the counts cannot be read. */
  readonly traffic: ModelTraffic | null;
  /** Null where it is not served, or the cluster cannot be asked. */
  readonly state: ModelState | null;
}

/** A model as the first page shows it. */
export interface ModelCard {
  readonly name: string;
  readonly kind: "zoo" | "development" | "shadow";
  /** Null for what no rollout moves. */
  readonly phase: Phase | null;
  /** Such as `judged bad`; empty where nothing is notable. */
  readonly notable: string;
  /** When its rollout last moved; null for what no rollout moves. */
  readonly since: Date | null;
  readonly versions: readonly CardVersion[];
  /** Of the version that clients get; null where the cluster cannot be asked. */
  readonly state: ModelState | null;
}

/** What cards are made from: the same that `menagerie rollout` and `menagerie status` read. */
export interface CardFacts {
  readonly standings: readonly ShownStanding[];
  /** Undefined where the counts cannot be read. */
  readonly minute: LastMinute | undefined;
  /** Undefined where the cluster cannot be asked. */
  readonly served: readonly ServedState[] | undefined;
}

/** One card for each model: those of the zoo by name, then what else the cluster serves. */
export function modelCards({ standings, minute, served }: CardFacts, now: Date): ModelCard[] {
  const zoo = standings.map((standing): ModelCard => zooCard(standing, minute, served, now));
  const names = new Set(zoo.map(({ name }) => name));
  const others = (served ?? [])
    .filter(({ kind, model }) => kind !== "zoo" && !names.has(model))
    .map(({ model: name, kind, hash, state, because, service }): ModelCard => {
      const version = { number: 1, id: "", hash: hash ?? "", isCurrent: true, apps: 0, weight: null, traffic: null };
      return {
        name: kind === "shadow" ? service : name,
        kind,
        phase: null,
        notable: "",
        since: null,
        versions: hash === null ? [] : [{ ...version, state: { state, because } }],
        state: { state, because },
      };
    });
  return [...zoo, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

function zooCard(
  standing: ShownStanding,
  minute: LastMinute | undefined,
  served: readonly ServedState[] | undefined,
  now: Date,
): ModelCard {
  const { name, phase, since, from, to, traffic } = standing;
  const own = served?.filter(({ kind, model }) => kind === "zoo" && model === name);
  const stateOf = (hash: string): ModelState | null => {
    const found = own?.find((each) => each.hash === hash);
    return found ? { state: found.state, because: found.because } : null;
  };
  const versions = standing.versions
    // Of the versions before, nothing answers any more.
    .filter(({ id, isCurrent, apps }) => isCurrent || apps > 0 || id === from?.id || id === to?.id)
    .map(({ id, number, hash, isCurrent, apps }): CardVersion => {
      const weights = traffic && from && to ? { [from.id]: 100 - traffic.weight, [to.id]: traffic.weight } : {};
      return {
        number,
        id,
        hash,
        isCurrent,
        apps,
        weight: weights[id] ?? null,
        traffic: minute ? trafficOf(minute, id) : null,
        state: stateOf(hash),
      };
    });
  const first = versions.find(({ isCurrent }) => isCurrent) ?? versions.at(-1);
  return {
    name,
    kind: "zoo",
    phase,
    since,
    versions,
    notable: notableOf(standing, now),
    state:
      own === undefined ? null : ((first && stateOf(first.hash)) ?? { state: "down", because: "nothing serves it" }),
  };
}

/** Cards whose model's name has every word of a search. */
export function searched(cards: readonly ModelCard[], search: string): ModelCard[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return cards.filter(({ name, phase, kind }) =>
    words.every((word) => name.toLowerCase().includes(word) || phase === word || kind === word),
  );
}

/** Those of one page, with what its links need. */
export interface Paged<T> {
  readonly shown: readonly T[];
  readonly all: number;
  readonly page: number;
  readonly pages: number;
}

/** @param page - from 1; one beyond the last is the last */
export function pageOf<T>(all: readonly T[], page: number, size: number): Paged<T> {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const at = Math.min(Math.max(1, page), pages);
  return { shown: all.slice((at - 1) * size, at * size), all: all.length, page: at, pages };
}
