/**
 * The supervisor of one environment, inside its namespaces: `node supervisor/main.ts <name> <home>`. The shim that is
 * PID 1 starts it again when it dies, after killing everything else, so it always begins with an empty namespace.
 */
import { fileURLToPath } from "node:url";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { messageOf } from "../../domain/errors.ts";
import type { ControlContext } from "../control/context.ts";
import { customResourceDefinitions } from "../control/crds.ts";
import { etcd } from "../control/etcd.ts";
import { partIdentities } from "../control/identities.ts";
import { gateway, istioConfiguration, istiod, istioGateway } from "../control/istio.ts";
import { kserveConfiguration, kserveController, kserveWebhooks } from "../control/kserve.ts";
import { apiserver, controllerManager, scheduler } from "../control/kubernetes.ts";
import { metricsApi } from "../control/metricsApi.ts";
import { initializePostgres, postgres } from "../control/postgres.ts";
import { tektonConfiguration, tektonController } from "../control/tekton.ts";
import { readState } from "../environmentState.ts";
import { environmentLayout } from "../layout.ts";
import { EnvoyTables } from "../mesh/envoyTables.ts";
import { Rejections } from "../mesh/heedRejections.ts";
import { setUpBridge } from "../network/bridge.ts";
import { ensureAuthority, issueKubeconfig } from "../pki.ts";
import { startupError } from "../startupError.ts";
import { ToolchainFile } from "../toolchainFile.ts";
import { nodePart } from "./nodePart.ts";
import { serveStatus } from "./statusServer.ts";
import { Supervisor } from "./supervisor.ts";

/** Each layer of parts gets so long to stop; the shim allows 20 s for all of it. */
const stopGraceMs = 6_000;

const [name = "", home = ""] = process.argv.slice(2);
const layout = environmentLayout(name, home);
const log = (line: string): void => console.error(`${new Date().toISOString()} ${line}`);

let supervisor: Supervisor;
let rejections: Rejections;
try {
  ({ supervisor, rejections } = await composeEnvironment());
  await startupError(layout).clear();
} catch (error) {
  await startupError(layout).write(messageOf(error));
  throw error;
}

const stopped = new AbortController();
const server = await serveStatus(layout.socketOf("supervisor"), () => ({
  ...supervisor.status,
  leftOut: rejections.leftOut,
}));
process.once("SIGTERM", () => {
  log("stopping");
  stopped.abort();
  void supervisor
    .stop(stopGraceMs)
    .then(() => server.close())
    .finally(() => process.exit(0));
});
await supervisor.start();
await rejections.heed(stopped.signal);

/** Every part of the environment, what is done between them, and what Envoy refuses of what users write. */
async function composeEnvironment(): Promise<{ supervisor: Supervisor; rejections: Rejections }> {
  const state = await readState(layout);
  if (!state) throw new Error(`${layout.stateFile} is missing`);
  const tools = await new ToolchainFile(layout).follow();
  await setUpBridge();
  await ensureAuthority(layout);
  const admin = kubeConfigOf(
    await issueKubeconfig(layout, { part: "admin", user: "menagerie:admin", groups: ["system:masters"] }),
  );
  const context: ControlContext = { layout, state, tools, admin };
  const localNodeClass = fileURLToPath(new URL("../node/localnodeclass.crd.yaml", import.meta.url));

  const supervisor = new Supervisor({
    parts: [
      etcd(context),
      await apiserver(context),
      await controllerManager(context),
      await scheduler(context),
      await kserveController(context),
      postgres(context),
      ...(tools.tekton ? [await tektonController(context)] : []),
      nodePart(context, "service-proxy", "network/main.ts", ["identities"]),
      await istiod(context),
      await gateway(context),
      { ...nodePart(context, "nodes", "node/main.ts", ["identities", "crds", "postgres"]), stop: "shutdown" },
    ],
    steps: [
      initializePostgres(context),
      ...customResourceDefinitions(context, [localNodeClass]),
      partIdentities(context),
      metricsApi(context),
      kserveConfiguration(context),
      kserveWebhooks(context),
      istioConfiguration(context),
      istioGateway(context),
      ...(tools.tekton ? [tektonConfiguration(context)] : []),
    ],
    logs: layout.logs,
    log,
  });
  return { supervisor, rejections: new Rejections({ config: admin, tables: new EnvoyTables(layout), log }) };
}
