import { once } from "node:events";
import type { Server } from "node:http";
import { messageOf } from "../../../domain/errors.ts";
import { shadowPort } from "../../../domain/serving/activator.ts";
import type { SleepingService } from "../../../domain/sleep/ports.ts";
import { createFrontServer, type FrontParts } from "./frontServer.ts";

export interface ShadowFrontParts extends FrontParts {
  /** Address to listen on. @default all of the pod's */
  readonly host?: string;
}

/** What takes requests for models of shadow deployments, each at a port of its own. */
export interface ShadowFronts {
  /** Ends once all requests are answered. */
  close(): Promise<void>;
}

/** Between two looks, where the cluster tells of no change, in milliseconds. */
const lookEveryMs = 10_000;

/** Listens for the models of shadow deployments as long as there are any, also while they may not sleep: routes move after models. */
export function openShadowFronts(parts: ShadowFrontParts, signal: AbortSignal): ShadowFronts {
  const { cluster, log, host = "0.0.0.0" } = parts;
  const servers = new Map<number, Server>();
  let owners: ReadonlyMap<number, string> = new Map();

  const open = async (port: number): Promise<void> => {
    const server = createFrontServer(parts, () => owners.get(port));
    servers.set(port, server);
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (error) {
      servers.delete(port);
      log.error({ port, version: owners.get(port), err: error }, `a shadow is not listened for: ${messageOf(error)}`);
    }
  };

  const look = async (): Promise<void> => {
    owners = ownersOfPorts(cluster.services());
    for (const [port, server] of servers) {
      if (owners.has(port)) continue;
      servers.delete(port);
      server.close();
    }
    await Promise.all([...owners.keys()].filter((port) => !servers.has(port)).map(open));
  };

  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      await look();
      await cluster.changed(lookEveryMs);
    }
  };
  void follow();

  return {
    async close() {
      await Promise.all(
        [...servers.values()].map((server) => {
          const closed = once(server, "close");
          server.close();
          server.closeIdleConnections();
          return closed;
        }),
      );
    },
  };
}

/** Which model a port stands for. Of two with the same one, the one that may sleep is meant; where both may, neither is woken by mistake. */
export function ownersOfPorts(services: readonly SleepingService[]): Map<number, string> {
  const shadowed = services.filter(({ role }) => role !== "version");
  const owners = new Map<number, string>();
  for (const [port, all] of Map.groupBy(shadowed, ({ name }) => shadowPort(name))) {
    const sleepers = all.filter(({ idleMinutes }) => idleMinutes !== undefined);
    const [owner, ...others] = sleepers.length > 0 ? sleepers : all;
    if (owner && others.length === 0) owners.set(port, owner.name);
  }
  return owners;
}
