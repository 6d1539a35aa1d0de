import { Resolver } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { Agent, type Dispatcher } from "undici";
import { addresses } from "../network/addresses.ts";

/**
 * How nodes reach registries: by the cluster's own DNS, since its network is all that they have, and with trust in this environment's
 * authority besides the public ones.
 *
 * @param authority certificate, as PEM
 */
export function registryConnections(authority: string): Dispatcher {
  return new Agent({ connect: { ca: [...rootCertificates, authority], lookup: clusterLookup } });
}

const clusterLookup: LookupFunction = (host, options, callback) => {
  const answer = (found: readonly string[]): void => {
    if (options.all)
      callback(
        null,
        found.map((address) => ({ address, family: 4 })),
      );
    else callback(null, found[0] ?? "", 4);
  };
  if (isIP(host)) return answer([host]);
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([addresses.dns]);
  // As pods' resolv.conf completes it.
  const name = host.endsWith(".svc") ? `${host}.${addresses.clusterDomain}` : host;
  resolver.resolve4(name).then(answer, () => {
    callback(new Error(`the cluster's DNS does not know ${host}, and nodes reach no registry outside the cluster`), "");
  });
};
