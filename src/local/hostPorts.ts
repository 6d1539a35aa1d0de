import { readFile } from "node:fs/promises";
import { createServer } from "node:net";

/** The endpoints that the host reaches, each on 127.0.0.1. */
export const relayedEndpoints = ["gateway", "api", "console", "apiserver", "postgres"] as const;
export type RelayedEndpoint = (typeof relayedEndpoints)[number];
export type HostPorts = Readonly<Record<RelayedEndpoint, number>>;
/** Of some endpoints. */
export type WantedPorts = Readonly<Partial<Record<RelayedEndpoint, number | undefined>>>;

/** Tried first, so that the URLs in the README are usually right; a second environment takes any free ports. */
export const preferredPorts: HostPorts = {
  gateway: 18080,
  api: 18081,
  console: 18082,
  apiserver: 16443,
  postgres: 15432,
};

/** Below it stand the ports of daemons that a machine may start at any time. */
const lowest = 20_000;
/** How long an environment that is ending may still have its ports. */
const endsWithinMs = 2_000;

/** What an environment gave up because another program has it now. */
export interface MovedPort {
  readonly endpoint: RelayedEndpoint;
  readonly from: number;
  readonly to: number;
}

/**
 * The ports of an environment that is about to start: those asked for, else those it had, else free ones. If another
 * program has taken one of its ports since, a free one replaces it: the environment could not start otherwise.
 */
export async function chooseHostPorts(
  wanted: WantedPorts,
  kept: WantedPorts = {},
): Promise<{ readonly ports: HostPorts; readonly moved: readonly MovedPort[] }> {
  const taken = new Set(Object.values(wanted).filter((port) => port !== undefined));
  const moved: MovedPort[] = [];
  const deadline = Date.now() + endsWithinMs;
  const choose = async (endpoint: RelayedEndpoint): Promise<number> => {
    const asked = wanted[endpoint];
    if (asked !== undefined) return asked;
    const before = kept[endpoint];
    if (before === undefined) return freePort(preferredPorts[endpoint], taken);
    if (!taken.has(before) && (await becomesFree(before, deadline))) return before;
    const to = await freePort(undefined, taken);
    moved.push({ endpoint, from: before, to });
    return to;
  };
  const ports = { ...preferredPorts };
  for (const endpoint of relayedEndpoints) {
    ports[endpoint] = await choose(endpoint);
    taken.add(ports[endpoint]);
  }
  return { ports, moved };
}

async function becomesFree(port: number, deadline: number): Promise<boolean> {
  for (;;) {
    if ((await listenOnce(port)) !== undefined) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** `preferred` when nothing listens there, else one that no outgoing connection of any program is given meanwhile. */
async function freePort(preferred: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  const isFree = async (port: number) => !taken.has(port) && (await listenOnce(port)) !== undefined;
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  const count = (await firstOutgoingPort()) - lowest;
  for (let tries = 0; count > 0 && tries < 100; tries += 1) {
    const port = lowest + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
  for (;;) {
    const port = await listenOnce(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
}

/** First of the ports that Linux gives outgoing connections, by its own word or its default. */
export async function firstOutgoingPort(): Promise<number> {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  return Number.parseInt(range, 10) || 32_768;
}

/** Port on which a server could listen: `wanted`, or for 0 one that the kernel picks; undefined where it is taken. */
function listenOnce(wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const chosen = typeof address === "object" && address ? address.port : undefined;
      server.close(() => resolve(chosen));
    });
  });
}
