import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { activatorPort, apiPodLabels, copiesPort } from "./apiService.ts";
import { platformMetadata } from "./platformMetadata.ts";
import type { Backend } from "./route.ts";

/**
 * Header by which a route names the InferenceService that is to answer. It is looked at on {@link activatorPort} alone, where routes set it
 * over whatever a client sent. At the API service's own port it says which version of a rollout is to answer, old or new, in requests of
 * whoever may move rollouts; gateways take it from requests that they divide, so that nobody chooses a side there.
 */
export const versionHeader = "x-menagerie-version";

/**
 * Header by which a route that divides requests names the InferenceService that gets their copies. A copy has the headers that the route
 * sets for the version that answers, {@link versionHeader} among them, so both names are in both. It is looked at on {@link copiesPort}
 * alone.
 */
export const copiedHeader = "x-menagerie-copied-to";

/** Ports of the Service that takes the requests of a version that may sleep. */
export const frontPorts = { requests: 80, copies: 81 } as const;

const suffix = "-activator";

/**
 * The Service that takes the requests of a version that may sleep: the API service's pods, under the version's own name, so that a gateway
 * counts, weighs and mirrors versions as it does those that never sleep. As long as `<service>-predictor`.
 */
export function activatorBackend(service: string, servicesNamespace: string): Backend {
  return { service: `${service}${suffix}`, namespace: servicesNamespace, port: frontPorts.requests };
}

/** The InferenceService that a host such as `iris-v2-activator.menagerie.svc.cluster.local` stands for; undefined for another one. */
export function serviceOfHost(host: string): string | undefined {
  const [name = ""] = host.split(/[.:]/, 1);
  return name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}

/**
 * Port of the API service's pods for one model of a shadow deployment. Copies of a request have the headers that the route sets for the
 * primary, and the same path and host, so only the port says whose they are. It follows from the name alone and never changes; two names may
 * have the same one, and then only one of the two may sleep. Above what Istio's proxies listen on, below Linux's own choice of ports.
 */
export function shadowPort(service: string): number {
  const [high = 0, low = 0] = sha256(utf8ToBytes(service));
  return 16_384 + (((high << 8) | low) & 16_383);
}

/**
 * The Service of {@link activatorBackend}.
 *
 * @param ownPort - of the API service's pods, where it stands for this model alone. Default: headers say which version is meant
 */
export function activatorService<Text extends string>(service: Text, servicesNamespace: string, ownPort?: number) {
  const { requests, copies } = frontPorts;
  const ports =
    ownPort === undefined
      ? [
          { name: "http", port: requests, targetPort: activatorPort, protocol: "TCP" },
          { name: "http-copies", port: copies, targetPort: copiesPort, protocol: "TCP" },
        ]
      : [{ name: "http", port: requests, targetPort: ownPort, protocol: "TCP" }];
  return {
    metadata: platformMetadata(activatorBackend(service, servicesNamespace).service, servicesNamespace),
    spec: {
      selector: apiPodLabels,
      // They are not ready while the database is away, and models that are awake answer then all the same. A gateway tries another one where
      // a connection is refused.
      publishNotReadyAddresses: true,
      ports,
    },
  };
}
