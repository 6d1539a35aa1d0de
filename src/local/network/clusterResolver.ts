import { promises as dns } from "node:dns";
import { isIPv4, type LookupFunction } from "node:net";
import { addresses } from "./addresses.ts";

/** Resolves names of Services, remembering answers for a moment. */
export interface ClusterResolver {
  /** The remembered address, if it is fresh enough; the hot path asks here first, without a promise. */
  cached(host: string): string | undefined;
  /** Rejects with Node's DNS errors (`code` ENOTFOUND, ESERVFAIL, ETIMEOUT …). */
  resolve(host: string): Promise<string>;
  /** Forgets an address that turned out not to answer. */
  forget(host: string): void;
}

export interface ClusterResolverOptions {
  /** Address of the name server, with `:port` where it is not 53. @default addresses.dns */
  readonly server?: string;
  /**
   * Milliseconds that an answer is used. At most a second, because a Service that is stopped and started gets a new
   * ClusterIP. @default 1000
   */
  readonly maxAge?: number;
  readonly now?: () => number;
}

interface Entry {
  address?: string;
  at: number;
  pending?: Promise<string>;
}

/** Answers older than half of `maxAge` are renewed in the background, so that busy names never make a request wait. */
export function createClusterResolver(options: ClusterResolverOptions = {}): ClusterResolver {
  const { server = addresses.dns, maxAge = 1_000, now = () => performance.now() } = options;
  const resolver = new dns.Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([server]);
  const entries = new Map<string, Entry>();

  function lookup(host: string): Promise<string> {
    let entry = entries.get(host);
    if (!entry) {
      entry = { at: Number.NEGATIVE_INFINITY };
      entries.set(host, entry);
    }
    if (entry.pending) return entry.pending;
    const mine = entry;
    mine.pending = resolver.resolve4(host).then(
      ([address]) => {
        delete mine.pending;
        if (address === undefined) throw Object.assign(new Error(`${host} has no address`), { code: "ENODATA" });
        mine.address = address;
        mine.at = now();
        return address;
      },
      (error: unknown) => {
        entries.delete(host);
        throw error;
      },
    );
    return mine.pending;
  }

  return {
    cached(host) {
      if (isIPv4(host)) return host;
      const entry = entries.get(host);
      if (!entry?.address) return undefined;
      const age = now() - entry.at;
      if (age >= maxAge) return undefined;
      // A failure here shows when the entry has expired.
      if (age >= maxAge / 2 && !entry.pending) lookup(host).catch(() => {});
      return entry.address;
    },
    async resolve(host) {
      return this.cached(host) ?? (await lookup(host));
    },
    forget(host) {
      entries.delete(host);
    },
  };
}

/** The resolver as `net.connect`'s `lookup`. */
export function lookupWith(resolver: ClusterResolver): LookupFunction {
  return (host, options, done) => {
    resolver.resolve(host).then(
      (address) => {
        if (options.all) done(null, [{ address, family: 4 }]);
        else done(null, address, 4);
      },
      (error: NodeJS.ErrnoException) => done(error, "", 4),
    );
  };
}
