import { ports } from "../network/addresses.ts";
import type { PartSpec } from "../supervisor/supervisedProcess.ts";
import type { ControlContext } from "./context.ts";

export const etcdUrl = `http://127.0.0.1:${ports.etcdClient}`;

/**
 * etcd, on the namespace's loopback only: no pod shares that loopback, so nothing but the API server reaches it.
 * It keeps fsync on, because the environment's state survives kill -9 and a crash of the machine.
 */
export function etcd(context: ControlContext): PartSpec {
  const peerUrl = `http://127.0.0.1:${ports.etcdPeer}`;
  return {
    name: "etcd",
    launch: async () => ({
      command: await context.tools.part("etcd"),
      args: [
        "--name=menagerie",
        `--data-dir=${context.layout.etcd}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=menagerie=${peerUrl}`,
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=1h",
        "--log-level=warn",
      ],
    }),
    after: [],
    ready: async () => (await fetch(`${etcdUrl}/health`, { signal: AbortSignal.timeout(1_000) })).ok,
  };
}
