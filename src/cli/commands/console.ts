import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Command, Option } from "commander";
import { pino } from "pino";
import { clusterReads } from "../../adapters/kubernetes/clusterReads.ts";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { databaseSessions } from "../../adapters/postgres/console/sessions.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { actAs } from "../../adapters/postgres/transaction.ts";
import type { StackReads } from "../../domain/console/ports.ts";
import { platformDatabase, roles } from "../../domain/platformDatabase.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { consolePools } from "../../services/console/pools.ts";
import { consoleReads } from "../../services/console/reads.ts";
import { createConsoleServer } from "../../services/console/server.ts";
import { untilInterrupted } from "../interrupt.ts";
import { operatorServer } from "../operatorDatabase.ts";
import { environmentOption, environmentSuffix, portArgument } from "../options.ts";
import { readShadows } from "../shadows.ts";

interface ConsoleOptions {
  readonly environment: string;
  readonly port?: number;
  readonly namespace: string;
  readonly open: boolean;
}

export function consoleCommand(): Command {
  return new Command("console")
    .addOption(new Option("--port <number>", "port on 127.0.0.1 (any that is free)").argParser(portArgument))
    .option("--namespace <name>", "namespace of the models", "models")
    .option("--no-open", "print the address alone, without opening a browser")
    .addOption(environmentOption())
    .addHelpText(
      "after",
      "\nMENAGERIE_DATABASE_URL names the database of another stack than the embedded environment's. Log in with a key of `menagerie key create --role viewer`.",
    )
    .action((options: ConsoleOptions) =>
      untilInterrupted("run `menagerie console` again", (signal) => serve(options, signal)),
    );
}

/** Serves the pages on this machine until it is interrupted, with the operator's login acting as the console's role. */
async function serve({ environment, port, namespace, open }: ConsoleOptions, signal: AbortSignal): Promise<void> {
  const database = await operatorServer(environment);
  await withClient(database, platformDatabase, (client) => actAs(client, roles.console));
  const log = pino({ level: "warn", base: { service: "console" } }, pino.destination(2));
  const pools = consolePools(
    database,
    (error) => log.warn({ err: error }, "a database connection broke"),
    roles.console,
  );
  const server = await createConsoleServer({
    environment,
    suffix: environmentSuffix(environment),
    sessions: databaseSessions(pools.sessions),
    reads: consoleReads(pools.reads, await stackOf(environment, namespace)),
    now: () => new Date(),
    log,
  });
  try {
    server.listen(port ?? 0, "127.0.0.1");
    await once(server, "listening");
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    console.log(address);
    if (open) openBrowser(address);
    await once(signal, "abort");
  } finally {
    server.close();
    server.closeAllConnections();
    await pools.end();
  }
}

/** What this machine knows of an environment besides its database. */
async function stackOf(environment: string, namespace: string): Promise<StackReads> {
  const layout = environmentLayout(environment);
  const target = process.env.MENAGERIE_DATABASE_URL ? undefined : await readTarget(layout);
  if (target)
    return { ...clusterReads(kubeConfigOf(target.kubeconfig), namespace), shadows: () => readShadows(layout) };
  const unknown = () => Promise.reject(new Error("this machine knows nothing of the stack but its database"));
  return { served: unknown, pools: unknown, shadows: unknown };
}

/** A machine without a browser has its address printed. */
function openBrowser(address: string): void {
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  spawn(program, [address], { stdio: "ignore", detached: true })
    .on("error", () => undefined)
    .unref();
}
