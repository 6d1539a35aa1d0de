/**
 * `node src/local/gateway/main.ts <environment> <home>`: the gateway, inside the environment's namespace. Sends `ready` to
 * its parent once it serves the VirtualServices there are; on SIGTERM it finishes what is in flight.
 */
import { KubeConfig } from "@kubernetes/client-node";
import { reflect } from "../../adapters/kubernetes/reflector.ts";
import { messageOf } from "../../domain/errors.ts";
import { environmentLayout } from "../layout.ts";
import { addresses, ports } from "../network/addresses.ts";
import { createClusterResolver } from "../network/clusterResolver.ts";
import { startGatewayAdmin } from "./admin.ts";
import { createGateway } from "./gateway.ts";
import { buildRouteTable } from "./routing.ts";
import type { VirtualService } from "./virtualService.ts";

async function main(): Promise<void> {
  const [name, home] = process.argv.slice(2);
  if (!name || !home) throw new Error("usage: main.ts <environment> <home>");
  const layout = environmentLayout(name, home);
  const config = new KubeConfig();
  config.loadFromFile(layout.kubeconfigOf("gateway"));

  const gateway = createGateway({ resolver: createClusterResolver(), log });
  const abort = new AbortController();
  let known = new Set<string>();
  let isListed = false;
  const listed = new Promise<void>((resolve) => {
    void reflect<VirtualService>({
      config,
      path: "/apis/networking.istio.io/v1/virtualservices",
      signal: abort.signal,
      onChange: (objects) => {
        const table = buildRouteTable(objects.values());
        gateway.use(table);
        for (const problem of table.problems) if (!known.has(problem)) log(problem);
        known = new Set(table.problems);
        isListed = true;
        resolve();
      },
      onError: (error) => log(`cannot watch VirtualServices: ${messageOf(error)}`),
    });
  });

  await gateway.listen({ host: addresses.host, port: ports.gateway });
  await gateway.listenOnSocket(layout.socketOf("gateway"));
  const socketPath = layout.socketOf("gateway-admin");
  const admin = await startGatewayAdmin({ socketPath, gateway, isReady: () => isListed });

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    abort.abort();
    void Promise.all([gateway.close(), admin.close()]).finally(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);

  await listed;
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
