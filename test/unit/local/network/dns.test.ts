import type { V1EndpointSlice, V1Service } from "@kubernetes/client-node";
import { decode, encode, type Packet, type RecordType } from "dns-packet";
import { describe, expect, it } from "vitest";
import { answerQuery } from "../../../../src/local/network/dnsAnswer.ts";
import { buildDnsZone } from "../../../../src/local/network/dnsZone.ts";
import { servicePorts } from "../../../../src/local/network/serviceEndpoints.ts";

function service(name: string, spec: V1Service["spec"]): V1Service {
  return { metadata: { name, namespace: "zoo" }, ...(spec ? { spec } : {}) };
}

function slice(of: string, ports: V1EndpointSlice["ports"], endpoints: V1EndpointSlice["endpoints"]): V1EndpointSlice {
  return {
    metadata: { name: `${of}-1`, namespace: "zoo", labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    endpoints: endpoints ?? [],
    ...(ports ? { ports } : {}),
  };
}

const services = [
  service("iris", { clusterIP: "10.96.1.1", ports: [{ name: "http", port: 80, targetPort: "user-port" }] }),
  service("peers", { clusterIP: "None", ports: [{ name: "gossip", port: 7000 }] }),
  service("outside", { type: "ExternalName", externalName: "db.example.com." }),
  service("inside", { type: "ExternalName", externalName: "iris.zoo.svc.cluster.local" }),
];
const slices = [
  slice(
    "iris",
    [{ name: "http", port: 8080 }],
    [
      { addresses: ["10.88.1.1"], conditions: { ready: true } },
      { addresses: ["10.88.1.2"], conditions: { ready: false } },
    ],
  ),
  slice(
    "peers",
    [{ name: "gossip", port: 7000 }],
    [
      { addresses: ["10.88.1.3"], hostname: "peer-0", conditions: { ready: true } },
      { addresses: ["10.88.1.4"], conditions: {} },
      { addresses: ["10.88.1.5"], conditions: { ready: false } },
    ],
  ),
];
const zone = buildDnsZone(services, slices);

/** Asks over the wire format, so that what is answered can also be encoded. */
function dig(name: string, type: RecordType = "A", known: typeof zone | undefined = zone, extra: Partial<Packet> = {}) {
  const query = decode(encode({ type: "query", id: 7, flags: 0x100, questions: [{ type, name }], ...extra }));
  const reply = answerQuery(query, known);
  if (!reply) return undefined;
  const decoded = decode(encode(reply)) as unknown as Packet & { rcode: string; flag_aa: boolean };
  const data = (decoded.answers ?? []).map((answer) => ("data" in answer ? answer.data : undefined));
  return { code: decoded.rcode, data, decoded };
}

describe("cluster DNS", () => {
  it("answers a Service by its ClusterIP, whatever the case, and echoes the name as asked", () => {
    const reply = dig("IRIS.zoo.svc.Cluster.local");
    expect(reply).toMatchObject({ code: "NOERROR", data: ["10.96.1.1"], decoded: { flag_aa: true, id: 7 } });
    expect(reply?.decoded.answers?.[0]?.name).toBe("IRIS.zoo.svc.Cluster.local");
  });

  it("answers a headless Service by its ready pods, and each of them by name", () => {
    expect(dig("peers.zoo.svc.cluster.local")?.data.sort()).toEqual(["10.88.1.3", "10.88.1.4"]);
    expect(dig("peer-0.peers.zoo.svc.cluster.local")?.data).toEqual(["10.88.1.3"]);
    expect(dig("10-88-1-4.peers.zoo.svc.cluster.local")?.data).toEqual(["10.88.1.4"]);
    expect(dig("10-88-1-9.zoo.pod.cluster.local")?.data).toEqual(["10.88.1.9"]);
  });

  it("answers SRV for named ports", () => {
    expect(dig("_http._tcp.iris.zoo.svc.cluster.local", "SRV")?.data).toEqual([
      { priority: 0, weight: 100, port: 80, target: "iris.zoo.svc.cluster.local" },
    ]);
    expect(dig("_gossip._tcp.peers.zoo.svc.cluster.local", "SRV")?.data).toContainEqual({
      priority: 0,
      weight: 100,
      port: 7000,
      target: "peer-0.peers.zoo.svc.cluster.local",
    });
  });

  it("answers ExternalName as an alias, followed where the zone knows it", () => {
    expect(dig("outside.zoo.svc.cluster.local")?.data).toEqual(["db.example.com"]);
    expect(dig("inside.zoo.svc.cluster.local")?.data).toEqual(["iris.zoo.svc.cluster.local", "10.96.1.1"]);
  });

  it("answers PTR for ClusterIPs and endpoints of headless Services", () => {
    expect(dig("1.1.96.10.in-addr.arpa", "PTR")?.data).toEqual(["iris.zoo.svc.cluster.local"]);
    expect(dig("3.1.88.10.in-addr.arpa", "PTR")?.data).toEqual(["peer-0.peers.zoo.svc.cluster.local"]);
    expect(dig("99.1.88.10.in-addr.arpa", "PTR")?.code).toBe("NXDOMAIN");
  });

  it("tells no data from no name, both with the SOA", () => {
    expect(dig("iris.zoo.svc.cluster.local", "AAAA")).toMatchObject({ code: "NOERROR", data: [] });
    expect(dig("zoo.svc.cluster.local")).toMatchObject({ code: "NOERROR", data: [] });
    const missing = dig("nobody.zoo.svc.cluster.local");
    expect(missing).toMatchObject({ code: "NXDOMAIN", data: [] });
    expect(missing?.decoded.authorities?.[0]).toMatchObject({ type: "SOA", name: "cluster.local" });
  });

  it("denies names outside the cluster at once, without claiming authority", () => {
    expect(dig("example.com")).toMatchObject({ code: "NXDOMAIN", decoded: { flag_aa: false } });
    expect(dig("8.8.8.8.in-addr.arpa", "PTR")).toMatchObject({ code: "NXDOMAIN", decoded: { flag_aa: false } });
  });

  it("fails temporarily, instead of denying, before anything has been listed", () => {
    const query: Packet = { type: "query", id: 1, questions: [{ type: "A", name: "iris.zoo.svc.cluster.local" }] };
    expect((answerQuery(query, undefined)?.flags ?? 0) & 0xf).toBe(2);
  });

  it("ignores replies, and refuses other operations", () => {
    expect(answerQuery({ type: "response", questions: [{ type: "A", name: "x" }] }, zone)).toBeUndefined();
    expect(answerQuery({ type: "query", questions: [] }, zone)).toBeUndefined();
    expect(dig("iris.zoo.svc.cluster.local", "A", zone, { flags: 0x2800 })?.code).toBe("NOTIMP");
  });
});

describe("what the Service proxy listens on", () => {
  it("joins ClusterIP ports and ready endpoints by the port's name", () => {
    expect([...servicePorts(services, slices).values()]).toEqual([
      { clusterIP: "10.96.1.1", port: 80, service: "zoo/iris", endpoints: [{ address: "10.88.1.1", port: 8080 }] },
    ]);
  });

  it("takes pods that end but still serve when no other is left", () => {
    const ending = { addresses: ["10.88.1.9"], conditions: { ready: false, serving: true, terminating: true } };
    const ports = [{ name: "http", port: 8080 }];
    const only = servicePorts(services, [slice("iris", ports, [ending])]);
    expect(only.get("10.96.1.1:80")?.endpoints).toEqual([{ address: "10.88.1.9", port: 8080 }]);
    const both = servicePorts(services, [slice("iris", ports, [ending]), ...slices]);
    expect(both.get("10.96.1.1:80")?.endpoints).toEqual([{ address: "10.88.1.1", port: 8080 }]);
  });

  it("carries session affinity with its default of three hours", () => {
    const sticky = service("sticky", { clusterIP: "10.96.1.2", sessionAffinity: "ClientIP", ports: [{ port: 80 }] });
    expect(servicePorts([sticky], []).get("10.96.1.2:80")).toMatchObject({ affinitySeconds: 10_800, endpoints: [] });
  });
});
