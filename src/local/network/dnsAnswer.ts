import { BlockList, isIPv4 } from "node:net";
import type { Answer, Packet, Question } from "dns-packet";
import { addresses } from "./addresses.ts";
import type { DnsZone } from "./dnsZone.ts";

/** Response codes (RFC 1035, 4.1.1), as the low bits of a header's flags. */
export const responseCodes = { noError: 0, serverFailure: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;

/** Seconds. Short, because a Service that is stopped and started gets a new ClusterIP. */
const timeToLive = 1;
const authoritative = 0x0400;
const recursionAvailable = 0x0080;
const recursionDesired = 0x0100;
const operationMask = 0x7800;

const ownAddresses = new BlockList();
for (const cidr of [addresses.podCidr, addresses.serviceCidr]) {
  const [network = "", prefix] = cidr.split("/");
  ownAddresses.addSubnet(network, Number(prefix), "ipv4");
}

interface Outcome {
  readonly code: number;
  readonly authoritative: boolean;
  readonly answers: Answer[];
}

/**
 * The reply to `query` from `zone`, undefined for what deserves none (a reply, or no question). A zone of `undefined`
 * stands for "not known yet": names inside the domain then fail temporarily instead of being denied. Names outside
 * do not exist here: the cluster has no way out but the egress proxy, which resolves by itself.
 */
export function answerQuery(
  query: Packet,
  zone: DnsZone | undefined,
  domain: string = addresses.clusterDomain,
): Packet | undefined {
  const question = query.questions?.[0];
  if (query.type !== "query" || !question || query.questions?.length !== 1) return undefined;
  const outcome = resolve(query, question, zone, domain);
  const edns = query.additionals?.some((record) => record.type === "OPT") ?? false;
  return {
    type: "response",
    id: query.id ?? 0,
    flags:
      (outcome.authoritative ? authoritative : 0) |
      ((query.flags ?? 0) & (recursionDesired | operationMask)) |
      recursionAvailable |
      outcome.code,
    questions: [question],
    answers: outcome.answers,
    // Negative answers carry the SOA, whose minimum says how long they may be cached (RFC 2308).
    authorities: outcome.authoritative && outcome.answers.length === 0 ? [startOfAuthority(domain)] : [],
    additionals: edns
      ? [
          {
            type: "OPT",
            name: ".",
            udpPayloadSize: 1232,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  };
}

function resolve(query: Packet, question: Question, zone: DnsZone | undefined, domain: string): Outcome {
  const of = (code: number, own: boolean, answers: Answer[] = []): Outcome => ({ code, authoritative: own, answers });
  if (((query.flags ?? 0) & operationMask) !== 0) return of(responseCodes.notImplemented, false);
  if ((question.class ?? "IN") !== "IN" && question.class !== "ANY") return of(responseCodes.refused, false);

  const name = question.name.toLowerCase().replace(/\.$/, "");
  const address = reverseAddress(name);
  const own = address === undefined ? name === domain || name.endsWith(`.${domain}`) : ownAddresses.check(address);
  if (!own) return of(responseCodes.noSuchName, false);
  if (!zone) return of(responseCodes.serverFailure, false);

  if (address !== undefined) {
    const names = zone.reverse.get(address);
    if (!names) return of(responseCodes.noSuchName, true);
    const records = names.map((data): Answer => ({ type: "PTR", name: question.name, ttl: timeToLive, data }));
    return of(responseCodes.noError, true, asks(question, "PTR") ? records : []);
  }
  if (name === domain && asks(question, "SOA")) return of(responseCodes.noError, true, [startOfAuthority(domain)]);

  const alias = zone.aliases.get(name);
  if (alias !== undefined) {
    const record: Answer = { type: "CNAME", name: question.name, ttl: timeToLive, data: alias };
    const behind = asks(question, "A") ? hostRecords(alias, zone.hosts.get(alias) ?? []) : [];
    return of(responseCodes.noError, true, [record, ...behind]);
  }
  const ips = zone.hosts.get(name) ?? podAddress(name, zone);
  if (ips) return of(responseCodes.noError, true, asks(question, "A") ? hostRecords(question.name, ips) : []);
  const targets = zone.targets.get(name);
  if (targets) {
    const records = targets.map(
      ({ host, port }): Answer => ({
        type: "SRV",
        name: question.name,
        ttl: timeToLive,
        data: { priority: 0, weight: 100, port, target: host },
      }),
    );
    return of(responseCodes.noError, true, asks(question, "SRV") ? records : []);
  }
  return of(zone.parents.has(name) ? responseCodes.noError : responseCodes.noSuchName, true);
}

function asks(question: Question, type: "A" | "PTR" | "SOA" | "SRV"): boolean {
  return question.type === type || (question.type as string) === "ANY";
}

/** A records in an order that differs from call to call, so that clients that take the first spread out. */
function hostRecords(name: string, ips: readonly string[]): Answer[] {
  const start = ips.length > 1 ? Math.floor(Math.random() * ips.length) : 0;
  return [...ips.slice(start), ...ips.slice(0, start)].map((data) => ({ type: "A", name, ttl: timeToLive, data }));
}

/** `10-88-1-2.default.pod.cluster.local` is 10.88.1.2, whether or not there is such a pod. */
function podAddress(name: string, zone: DnsZone): string[] | undefined {
  const labels = name.slice(0, -(zone.domain.length + 1)).split(".");
  if (labels.length !== 3 || labels[2] !== "pod") return undefined;
  const ip = labels[0]?.replaceAll("-", ".") ?? "";
  return isIPv4(ip) ? [ip] : undefined;
}

/** Address that a name below in-addr.arpa stands for. */
function reverseAddress(name: string): string | undefined {
  if (!name.endsWith(".in-addr.arpa")) return undefined;
  const ip = name.slice(0, -".in-addr.arpa".length).split(".").reverse().join(".");
  return isIPv4(ip) ? ip : undefined;
}

function startOfAuthority(domain: string): Answer {
  return {
    type: "SOA",
    name: domain,
    ttl: timeToLive,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7_200,
      retry: 1_800,
      expire: 86_400,
      minimum: timeToLive,
    },
  };
}
