/**
 * `node formerGateway.ts <checkout> <kubeconfig> <socket>`, inside an environment's network namespace: the gateway that the checkout has of
 * its own, from before Envoy was the gateway, on a unix socket. Prints a line when it follows the VirtualServices. Ends when its standard
 * input does.
 */
import { join } from "node:path";
import { kubeConfigOf } from "../../../src/adapters/kubernetes/kubeConfigFile.ts";
import { reflect } from "../../../src/adapters/kubernetes/reflector.ts";

interface FormerGateway {
  use(table: unknown): void;
  listenOnSocket(path: string): Promise<void>;
}

const [checkout = "", kubeconfig = "", socket = ""] = process.argv.slice(2);
const load = (path: string): Promise<Record<string, (...args: unknown[]) => unknown>> =>
  import(join(checkout, "src", "local", path));

const { createGateway } = await load("gateway/gateway.ts");
const { createClusterResolver } = await load("network/clusterResolver.ts");
const { buildRouteTable } = await load("gateway/routing.ts");
if (!createGateway || !createClusterResolver || !buildRouteTable)
  throw new Error(`${checkout} has no gateway of its own`);

const gateway = createGateway({ resolver: createClusterResolver(), log: console.error }) as FormerGateway;
const config = kubeConfigOf(kubeconfig);
let isListed = false;
void reflect({
  config,
  path: "/apis/networking.istio.io/v1/virtualservices",
  signal: new AbortController().signal,
  onChange: (objects) => {
    gateway.use(buildRouteTable(objects.values()));
    if (!isListed) console.log("ready");
    isListed = true;
  },
  onError: console.error,
});
await gateway.listenOnSocket(socket);
process.stdin.resume().once("end", () => process.exit(0));
