import { createControlClient } from "../../../adapters/controlTruss/client.ts";
import type { VersionPod } from "../../../domain/development/ports.ts";
import type { ControlServer } from "../../../domain/patch/ports.ts";
import { keepRecent } from "../../../domain/recentlyUsed.ts";

/** Clients of control servers, one for each container that is in use. */
export interface Containers {
  of(pod: VersionPod): ControlServer;
  /** Hash with which each of them answered last, by instance. */
  readonly answered: Map<string, string>;
  close(): Promise<void>;
}

type Client = ReturnType<typeof createControlClient>;

/** Containers whose connections are kept open; the one that was used longest ago is closed first. */
const kept = 256;

export function openContainers(): Containers {
  const clients = new Map<string, Client>();
  const answered = new Map<string, string>();
  return {
    answered,
    of: ({ url, instance, startedAt }) => {
      const key = `${instance} ${url}`;
      const client = clients.get(key) ?? createControlClient({ url, instance, startedAt });
      const oldest = keepRecent(clients, key, client, kept);
      if (oldest) {
        answered.delete(oldest.instance);
        void oldest.close();
      }
      return client;
    },
    close: async () => {
      await Promise.allSettled([...clients.values()].map((client) => client.close()));
    },
  };
}
