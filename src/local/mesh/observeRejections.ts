import { open } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { requestJson } from "../../adapters/kubernetes/request.ts";
import type { EnvironmentLayout } from "../layout.ts";
import { askEnvoy } from "./envoyAdmin.ts";
import { type ChangedObject, type Rejection, rejectionsOf, suspectOf } from "./rejections.ts";

/** Of the log, its last so many bytes are read. */
const readBytes = 256 * 1024;

interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly creationTimestamp: string;
    readonly managedFields?: readonly { readonly time?: string }[];
  };
}

/** Tables that the environment's Envoy refuses now, each with the object that it is probably refused for. */
export async function observeRejections(
  layout: EnvironmentLayout,
  config: KubeConfig,
): Promise<readonly (Rejection & { readonly suspect: ChangedObject | undefined })[]> {
  const log = await endOf(join(layout.logs, "gateway.log"));
  const { body } = await askEnvoy(layout.socketOf("gateway-admin"), "/stats?filter=update_time");
  const rejections = rejectionsOf(log, body);
  if (rejections.length === 0) return [];
  const objects = await changedObjects(config);
  return rejections.map((rejection) => ({ ...rejection, suspect: suspectOf(rejection, objects) }));
}

async function endOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - readBytes);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - from), position: from });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Of the groups that istiod makes Envoy's tables of. */
async function changedObjects(config: KubeConfig): Promise<readonly ChangedObject[]> {
  const groups = [
    "networking.istio.io/v1",
    "networking.istio.io/v1alpha3",
    "security.istio.io/v1",
    "gateway.networking.k8s.io/v1",
  ];
  const kinds = groups.map(async (group) => {
    const { resources } = await requestJson<{ resources: { name: string; kind: string }[] }>(
      config,
      "GET",
      `/apis/${group}`,
    );
    const plain = resources.filter(({ name }) => !name.includes("/"));
    const lists = plain.map(async ({ name, kind }) => {
      const { items } = await requestJson<{ items: Listed[] }>(config, "GET", `/apis/${group}/${name}`);
      return items.map((item) => changed(kind, item));
    });
    return (await Promise.all(lists)).flat();
  });
  // A group that this cluster does not have makes nothing.
  return (await Promise.all(kinds.map((kind) => kind.catch(() => [])))).flat();
}

function changed(kind: string, { metadata }: Listed): ChangedObject {
  const { name, namespace = "", creationTimestamp, managedFields = [] } = metadata;
  const times = [creationTimestamp, ...managedFields.flatMap(({ time }) => time ?? [])].map((time) => Date.parse(time));
  return { kind, namespace, name, changedAt: Math.max(...times) };
}
