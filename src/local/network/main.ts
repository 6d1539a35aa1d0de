/**
 * `node src/local/network/main.ts <environment> <home>`: Service proxy, cluster DNS and the inner halves of the
 * relays, inside the environment's namespace. Sends `ready` to its parent once it serves; stops on SIGTERM.
 */
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { messageOf } from "../../domain/errors.ts";
import { environmentLayout } from "../layout.ts";
import { addresses, ports } from "./addresses.ts";
import { clusterLookup } from "./clusterLookup.ts";
import { startClusterNetwork } from "./clusterNetwork.ts";
import { relayTcpToUnix, relayUnixToTcp } from "./relay.ts";

async function main(): Promise<void> {
  const [name, home] = process.argv.slice(2);
  if (!name || !home) throw new Error("usage: main.ts <environment> <home>");
  const layout = environmentLayout(name, home);
  const config = kubeConfigOf(layout.kubeconfigOf("service-proxy"));

  const network = await startClusterNetwork({ config, log });
  const lookup = clusterLookup();
  const relays = await Promise.all([
    relayUnixToTcp({ socketPath: layout.socketOf("apiserver"), host: addresses.host, port: ports.apiserver }),
    relayUnixToTcp({ socketPath: layout.socketOf("postgres"), host: addresses.host, port: ports.postgres }),
    ...(["api", "console"] as const).map((service) =>
      relayUnixToTcp({
        socketPath: layout.socketOf(service),
        host: `${service}.menagerie.svc.${addresses.clusterDomain}`,
        port: 80,
        lookup,
      }),
    ),
    relayTcpToUnix({ host: addresses.host, port: ports.egress, socketPath: layout.socketOf("egress") }),
    relayTcpToUnix({ host: addresses.host, port: ports.builder, socketPath: layout.socketOf("builder") }),
  ]);

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void Promise.all([network.close(), ...relays.map((relay) => relay.close())]).finally(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);

  await network.ready;
  log("ready");
  process.send?.("ready");
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

main().catch((error: unknown) => {
  log(messageOf(error));
  process.exit(1);
});
