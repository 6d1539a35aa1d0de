import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** A destination that pods may not reach, with the reason as a sentence. */
export class EgressRefused extends Error {
  override readonly name = "EgressRefused";
}

/** What may be reached through the egress proxy. Tests replace both functions. */
export interface EgressPolicyOptions {
  /** All addresses of a name, as the host sees them. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** The host's own addresses, asked at each call, because interfaces come and go. */
  readonly ownAddresses?: () => readonly string[];
  /** `host:port` of what may be reached although it is internal: the host's package indexes. @default none */
  readonly open?: () => Promise<ReadonlySet<string>>;
}

/** Loopback, private, link-local, shared, multicast and reserved ranges (RFC 6890, RFC 1918, RFC 6598, RFC 4193). */
const internal = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  internal.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 127],
  // Addresses that embed an IPv4 address, which could be an internal one.
  ["64:ff9b::", 96],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  internal.addSubnet(network, prefix, "ipv6");
}

/**
 * The address to connect to for `host` and `port`, so that what was checked is what is used (a name that resolves anew for the
 * connection could point elsewhere). Throws {@link EgressRefused} when any of its addresses is internal or the
 * host's own; DNS errors as they come.
 */
export async function egressAddress(host: string, port: number, options: EgressPolicyOptions = {}): Promise<string> {
  const { resolve = resolveAll, ownAddresses = hostAddresses, open } = options;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const all = isIP(bare) ? [bare] : await resolve(bare);
  const own = ownAddresses();
  for (const address of all) {
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (internal.check(address, family) || own.includes(address)) {
      if ((await open?.())?.has(`${host.toLowerCase()}:${port}`)) continue;
      throw new EgressRefused(`${host} is ${address}, an internal address: pods reach public addresses only`);
    }
  }
  const [first] = all;
  if (first === undefined) throw Object.assign(new Error(`${host} has no address`), { code: "ENODATA" });
  return first;
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
