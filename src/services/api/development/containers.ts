import { createControlClient } from "../../../adapters/controlTruss/client.ts";
import type { VersionPod } from "../../../domain/development/ports.ts";
import type { ControlServer } from "../../../domain/patch/ports.ts";
import type { Seen } from "../../../domain/patch/turn.ts";
import { keepRecent } from "../../../domain/recentlyUsed.ts";

/** Clients of control servers, one for each container that is in use. */
export interface Containers {
  of(pod: VersionPod): ControlServer;
  /** What the model of each of them was seen to do last, by instance. */
  readonly seen: Map<string, Seen>;
  close(): Promise<void>;
}

type Client = ReturnType<typeof createControlClient>;

/** Containers whose connections are kept open; the one that was used longest ago is closed first. */
const kept = 256;

export function openContainers(): Containers {
  const clients = new Map<string, Client>();
  const seen = new Map<string, Seen>();
  return {
    seen,
    of: ({ url, instance, startedAt }) => {
      const key = `${instance} ${url}`;
      const client = clients.get(key) ?? createControlClient({ url, instance, startedAt });
      const oldest = keepRecent(clients, key, client, kept);
      if (oldest) {
        seen.delete(oldest.instance);
        void oldest.close();
      }
      return client;
    },
    close: async () => {
      await Promise.allSettled([...clients.values()].map((client) => client.close()));
    },
  };
}
