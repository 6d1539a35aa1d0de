import { access, constants, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pullImage } from "../../adapters/images/pullImage.ts";
import { fileLogins } from "../../adapters/images/registryLogins.ts";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { OperatorError } from "../../domain/errors.ts";
import { environmentLayout } from "../layout.ts";
import { addresses, ports } from "../network/addresses.ts";
import { caFiles, issueServingCertificate } from "../pki.ts";
import { refuse } from "../refusals.ts";
import { AddressAllocator } from "./addressAllocator.ts";
import { ImagePuller } from "./imagePuller.ts";
import { thisMachine } from "./machine.ts";
import { startMetricsServer } from "./metricsServer.ts";
import { NodeProvisioner } from "./nodeProvisioner.ts";
import { readPodRecords } from "./podRecord.ts";
import { registryConnections } from "./registryConnections.ts";
import { measureEvery, UsageMeter } from "./usageMeter.ts";

/** The Service's name, by which the API server verifies the certificate. */
const metricsHost = "node-metrics.kube-system.svc";
/** Longest grace period of a pod when the environment stops; milliseconds. The supervisor waits 6 s for each part. */
const shutdownGrace = 5_000;

/**
 * The node process of one environment: `node main.ts <environment> <menagerie home>`, inside the cluster's namespace.
 * SIGTERM stops it and leaves the pods running; the message `shutdown` ends them.
 */
async function main(): Promise<void> {
  const [name, home] = process.argv.slice(2);
  if (!name || !home) throw refuse("node.usage");
  const shim = process.env.MENAGERIE_CONTAINER_SHIM;
  if (!shim) throw refuse("node.no-shim");
  await access(shim, constants.X_OK).catch((error: unknown) => {
    throw refuse("node.shim-not-executable", { shim }, error);
  });
  const layout = environmentLayout(name, home);
  const config = kubeConfigOf(layout.kubeconfigOf("node-provisioner"));
  const nodes = await readdir(layout.nodes, { withFileTypes: true }).catch(() => []);
  const records = await Promise.all(
    nodes.filter((entry) => entry.isDirectory()).map((entry) => readPodRecords(join(layout.nodes, entry.name, "pods"))),
  );
  const machine = await thisMachine();
  const dispatcher = registryConnections(await readFile(caFiles(layout).certFile, "utf8"));
  const provisioner = new NodeProvisioner(config, {
    layout,
    machine,
    puller: new ImagePuller((reference, podSources, onProgress) => {
      const sources = [...podSources, fileLogins(layout.registryLogins)];
      return pullImage(layout.images, reference, {
        sources,
        architecture: machine.architecture,
        dispatcher,
        onProgress,
      });
    }),
    allocator: await AddressAllocator.open(
      join(layout.nodes, "addresses.json"),
      records.flat().map(({ address }) => address),
    ),
    shim,
    log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  });

  let ending = false;
  const end = (action: () => Promise<void>): void => {
    if (ending) return;
    ending = true;
    // A request that never answers must not keep the process.
    setTimeout(() => process.exit(1), shutdownGrace + 4_000).unref();
    action().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on("SIGTERM", () => end(() => provisioner.detach()));
  process.on("SIGINT", () => end(() => provisioner.detach()));
  process.on("message", (message) => {
    if (message === "shutdown") end(() => provisioner.shutDown(shutdownGrace));
  });
  const meter = new UsageMeter(() => provisioner.nodes);
  setInterval(() => meter.measure(), measureEvery).unref();
  const serving = await issueServingCertificate(layout, "node-metrics", [metricsHost]);
  await startMetricsServer({ host: addresses.host, port: ports.nodeMetrics }, serving, meter);
  await provisioner.start();
  process.send?.("ready");
}

function fail(error: unknown): never {
  process.stderr.write(
    `${error instanceof OperatorError ? error.message : ((error as Error)?.stack ?? String(error))}\n`,
  );
  process.exit(error instanceof OperatorError ? error.exitCode : 1);
}

main().catch(fail);
