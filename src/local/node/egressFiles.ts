import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { ContainerMount } from "./bubblewrap.ts";
import { egressFileVariables } from "./environment.ts";

/** Parts of the host that every container sees anyway. */
const seen = /^\/(usr|etc\/ssl|etc\/pki|etc\/ca-certificates)(\/|$)/;

/**
 * Read-only mounts that let pip and uv inside a pod work as they do on the host: the host's pip configuration, and the
 * certificates and package folders that its variables name.
 */
export async function egressMounts(host: Readonly<Record<string, string | undefined>>): Promise<ContainerMount[]> {
  const named = egressFileVariables.flatMap((name) => (host[name] ?? "").split(/[\s,]+/));
  const paths = new Set([...named, "/etc/pip.conf", "/etc/uv"].filter((path) => isAbsolute(path) && !seen.test(path)));
  const mounts: ContainerMount[] = [];
  for (const path of paths) {
    if (await stat(path).catch(() => undefined)) mounts.push({ source: path, target: path, readOnly: true });
  }
  return mounts;
}
