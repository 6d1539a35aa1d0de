import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { readServedVersions } from "../../../adapters/postgres/traffic/servedVersions.ts";
import { beginSource, endOtherSources } from "../../../adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../adapters/postgres/traffic/storeBatch.ts";
import { messageOf } from "../../../domain/errors.ts";
import { serviceOfDestination, versionsByService } from "../../../domain/traffic/destinations.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { type BatchQueue, batchQueue } from "./batchQueue.ts";
import { type GatewayCounts, type GatewayReading, gatewayCounts } from "./gatewayCounts.ts";

/** A gateway process whose counters can be read. */
export interface CountedGateway {
  /** The same as long as it is the same pod. */
  readonly name: string;
}

/** How the counters of a gateway are read: from its processes, or from a Prometheus that does. */
export interface GatewayReader {
  /** Every gateway process that there is. */
  find(): Promise<readonly CountedGateway[]>;
  /** The readings of one since the last time; `withDurations` where it pays to read these too. Throws where it cannot be read. */
  read(gateway: CountedGateway, withDurations: boolean): Promise<readonly GatewayReading[]>;
}

export interface CollectorParts {
  readonly pool: Pool;
  readonly reader: GatewayReader;
  /** Namespace of the models. */
  readonly namespace: string;
  /** Namespace of the services, which versions that may sleep are reached by. @default there are none */
  readonly servicesNamespace?: string;
  readonly log: Logger;
}

const everyMs = 1_000;
/** Gateways are looked for, and durations read, in every so many readings; these change no faster. */
const findEvery = 5;
/** What is said of gateways that cannot be read, or found, is said again after so many times. */
const sayAgain = 300;

/** What one replica does for all: counts what gateways answered, second by second, until `signal` aborts. */
export async function collectGateways(parts: CollectorParts, signal: AbortSignal): Promise<void> {
  const collector = gatewayCollector(parts);
  for (let turn = 0; !signal.aborted; turn += 1) {
    // Readings stand for whole seconds: they are made as these begin.
    await delay(everyMs - (Date.now() % everyMs), undefined, { signal }).catch(() => {});
    if (!signal.aborted) await collector.collect(turn % findEvery === 0);
  }
}

interface Followed {
  readonly queue: BatchQueue;
  readonly counts: GatewayCounts;
  silent: number;
}

/** Follows all gateways; for one reading at a time. */
export function gatewayCollector({ pool, reader, namespace, servicesNamespace, log }: CollectorParts) {
  const namespaces = servicesNamespace === undefined ? [namespace] : [namespace, servicesNamespace];
  const followed = new Map<string, Followed>();
  let gateways: readonly CountedGateway[] = [];
  let unfound = 0;
  /** No gateway is there; said once. */
  let isAlone = false;
  /** When all gateways were known last: those that are found from then on are new. */
  let foundAt: Second | undefined;
  /** Services whose version was looked for in vain since then. */
  const unknown = new Set<string>();
  // Names that versions had stay theirs: their counters are there for as long as the gateway knows them.
  const versions = new Map<string, string>();

  const find = async (): Promise<void> => {
    const now = Date.now() / 1000;
    gateways = await reader.find();
    if (gateways.length === 0 && !isAlone) log.warn("requests at the gateway are not counted: it has no pods");
    isAlone = gateways.length === 0;
    const names = gateways.map(({ name }) => name);
    for (const name of followed.keys()) if (!names.includes(name)) followed.delete(name);
    for (const name of await endOtherSources(pool, "route", names, Math.ceil(now)))
      log.info({ gateway: name }, "a gateway is gone");
    for (const gateway of gateways) if (!followed.has(gateway.name)) followed.set(gateway.name, await follow(gateway));
    foundAt = now;
    unknown.clear();
    await readVersions();
  };

  const readVersions = async (): Promise<void> => {
    for (const [service, id] of versionsByService(await readServedVersions(pool))) versions.set(service, id);
  };

  /** A version has its row before anybody can ask it: its first answers are counted too. */
  const knowVersions = async (readings: readonly GatewayReading[]): Promise<void> => {
    const services = readings.flatMap(({ statistics }) =>
      [...statistics.destinations.keys()].map((destination) => serviceOfDestination(destination, ...namespaces)),
    );
    const fresh = services.filter(
      (service) => service !== undefined && !versions.has(service) && !unknown.has(service),
    );
    if (fresh.length === 0) return;
    await readVersions();
    for (const service of fresh) if (service !== undefined && !versions.has(service)) unknown.add(service);
  };

  const follow = async ({ name }: CountedGateway): Promise<Followed> => {
    const isNew = foundAt !== undefined;
    const since = Math.floor(foundAt ?? Date.now() / 1000);
    const source = await beginSource(pool, { path: "route", name }, since);
    const versionOf = (destination: string) => {
      const service = serviceOfDestination(destination, ...namespaces);
      return service === undefined ? undefined : versions.get(service);
    };
    const queue = batchQueue({
      store: (batch) => storeBatch(pool, source, batch),
      onLost: ({ observed }) =>
        log.warn({ gateway: name, observed }, "counts of requests are lost: the database did not take them"),
    });
    return { queue, counts: gatewayCounts(versionOf, isNew ? since : undefined), silent: 0 };
  };

  const read = async (gateway: CountedGateway, withDurations: boolean): Promise<void> => {
    const own = followed.get(gateway.name);
    if (!own) return;
    try {
      const readings = await reader.read(gateway, withDurations);
      await knowVersions(readings);
      for (const reading of readings) {
        const batch = own.counts.take(reading);
        if (batch) own.queue.add(batch);
      }
      own.silent = 0;
    } catch (error) {
      if (own.silent % sayAgain === 0)
        log.warn({ gateway: gateway.name, err: error }, `requests at a gateway are not counted: ${messageOf(error)}`);
      own.silent += 1;
    }
    await own.queue.send();
  };

  return {
    /** Reads every gateway once. @param whole - with durations, and after looking for gateways and versions */
    async collect(whole: boolean): Promise<void> {
      try {
        if (whole || foundAt === undefined) await find();
        await Promise.all(gateways.map((gateway) => read(gateway, whole)));
        unfound = 0;
      } catch (error) {
        if (unfound % sayAgain === 0)
          log.warn({ err: error }, `requests at the gateway are not counted: ${messageOf(error)}`);
        unfound += 1;
      }
    },
  };
}
