import { promises as dns } from "node:dns";
import type { LookupFunction } from "node:net";
import { addresses } from "./addresses.ts";

/**
 * `lookup` for `net.connect` that asks the cluster's name server, and each time anew: a Service that is stopped and started gets a new
 * ClusterIP. Fails with Node's DNS errors (`code` ENOTFOUND, ESERVFAIL, ETIMEOUT …).
 */
export function clusterLookup(): LookupFunction {
  const resolver = new dns.Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([addresses.dns]);
  return (host, options, done) => {
    resolver.resolve4(host).then(
      ([address = ""]) => {
        if (options.all) done(null, [{ address, family: 4 }]);
        else done(null, address, 4);
      },
      (error: NodeJS.ErrnoException) => done(error, "", 4),
    );
  };
}
