import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { addresses } from "../network/addresses.ts";

/** Host name of a pod: its spec's, else its name, cut at the kernel's 63 characters. */
export function podHostname(pod: V1Pod): string {
  return (pod.spec?.hostname ?? pod.metadata?.name ?? "pod").slice(0, 63).replace(/[-.]+$/, "");
}

/** resolv.conf of a pod under its dnsPolicy; ClusterFirst and Default both mean cluster DNS, the only one there is. */
export function resolvConf(pod: V1Pod): string {
  const namespace = pod.metadata?.namespace ?? "default";
  const zone = addresses.clusterDomain;
  const own = pod.spec?.dnsConfig;
  const cluster = pod.spec?.dnsPolicy !== "None";
  const nameservers = [...(cluster ? [addresses.dns] : []), ...(own?.nameservers ?? [])];
  const searches = [...(cluster ? [`${namespace}.svc.${zone}`, `svc.${zone}`, zone] : []), ...(own?.searches ?? [])];
  const options = new Map<string, string | undefined>(cluster ? [["ndots", "5"]] : []);
  for (const { name, value } of own?.options ?? []) if (name) options.set(name, value);
  return [
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...(options.size > 0
      ? [`options ${[...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`)).join(" ")}`]
      : []),
    "",
  ].join("\n");
}

/** hosts file of a pod: itself, and its hostAliases. */
export function hostsFile(pod: V1Pod, address: string): string {
  const hostname = podHostname(pod);
  const { subdomain } = pod.spec ?? {};
  const full = subdomain
    ? `${hostname}.${subdomain}.${pod.metadata?.namespace}.svc.${addresses.clusterDomain} ${hostname}`
    : hostname;
  return [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    `${address}\t${full}`,
    ...(pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join(" ")}`),
    "",
  ].join("\n");
}

/** Writes the files that every container of the pod has in /etc, into `folder`. */
export async function writePodFiles(folder: string, pod: V1Pod, address: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = {
    "resolv.conf": resolvConf(pod),
    hosts: hostsFile(pod, address),
    hostname: `${podHostname(pod)}\n`,
    // Only one user is mapped into the namespace; nobody is there for programs that look it up.
    passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    group: "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
}
