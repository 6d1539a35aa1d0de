import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Command, Option } from "commander";
import { pino } from "pino";
import { clusterReads } from "../../adapters/kubernetes/clusterReads.ts";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { makeConsoleLink } from "../../adapters/postgres/console/links.ts";
import { databaseRecordings } from "../../adapters/postgres/console/recordings.ts";
import { databaseSessions } from "../../adapters/postgres/console/sessions.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { actAs } from "../../adapters/postgres/transaction.ts";
import { type KeyRole, keyRoles } from "../../domain/access/roles.ts";
import { enterLink } from "../../domain/console/link.ts";
import type { StackReads } from "../../domain/console/ports.ts";
import { platformDatabase, roles } from "../../domain/platformDatabase.ts";
import { environmentLayout } from "../../local/layout.ts";
import { type EngineTarget, readTarget } from "../../local/target.ts";
import { consolePools } from "../../services/console/pools.ts";
import { consoleReads } from "../../services/console/reads.ts";
import { createConsoleServer } from "../../services/console/server.ts";
import { deployedConsole } from "../deployedConsole.ts";
import { untilInterrupted } from "../interrupt.ts";
import { asOperator, operatorName, operatorServer } from "../operatorDatabase.ts";
import { environmentOption, environmentSuffix, portArgument } from "../options.ts";
import { readShadows } from "../shadows.ts";
import { refuse } from "./refusals.ts";

interface ConsoleOptions {
  readonly environment: string;
  readonly role: KeyRole;
  readonly url?: string;
  readonly port?: number;
  readonly namespace: string;
  readonly open: boolean;
}

export function consoleCommand(): Command {
  return new Command("console")
    .addOption(
      new Option("--role <role>", "what the link lets its reader see and do").choices(keyRoles).default("operator"),
    )
    .addOption(
      new Option(
        "--url <address>",
        "where a console of the environment answers, such as a forwarded port of a cluster's",
      ).conflicts("port"),
    )
    .addOption(
      new Option(
        "--port <number>",
        "serve the pages here, on this port of 127.0.0.1, whatever the environment runs",
      ).argParser(portArgument),
    )
    .option("--namespace <name>", "with pages that are served here: namespace of the models", "models")
    .option("--no-open", "print the link alone, without opening a browser")
    .addOption(environmentOption())
    .addHelpText(
      "after",
      "\nThe link logs in once, within a minute. MENAGERIE_DATABASE_URL names the database of another stack than the embedded environment's. Who has no such login logs in with a key of `menagerie key create --role viewer`.",
    )
    .action((options: ConsoleOptions) =>
      untilInterrupted("run `menagerie console` again", async (signal) => {
        const address = options.url ?? (options.port === undefined ? await deployedAt(options.environment) : null);
        return address === null ? serve(options, signal) : enter(address, options);
      }),
    );
}

/** Address of the console that the environment itself runs; null where it runs none, or is another stack's. */
async function deployedAt(environment: string): Promise<string | null> {
  const target = await targetOf(environment);
  return target ? deployedConsole(environmentLayout(environment), target) : null;
}

/** Opens a console by a link that logs in, and prints it. */
async function enter(address: string, { environment, role, open }: ConsoleOptions): Promise<void> {
  if (!URL.canParse(address)) throw refuse("console.no-address", { address });
  const code = await asOperator(environment, (client) => makeConsoleLink(client, role, operatorName()));
  const link = enterLink(address, code);
  console.log(link);
  if (open) openBrowser(link);
}

/** Serves the pages on this machine until it is interrupted, with the operator's login acting as the console's role. */
async function serve(options: ConsoleOptions, signal: AbortSignal): Promise<void> {
  const { environment, port, namespace } = options;
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
    recordings: databaseRecordings(pools.sessions),
    reads: consoleReads(pools.reads, await stackOf(environment, namespace)),
    now: () => new Date(),
    log,
  });
  try {
    server.listen(port ?? 0, "127.0.0.1");
    await once(server, "listening");
    await enter(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, options);
    await once(signal, "abort");
  } finally {
    server.close();
    server.closeAllConnections();
    await pools.end();
  }
}

/** Undefined for another stack than an environment of this machine. */
async function targetOf(environment: string): Promise<EngineTarget | undefined> {
  return process.env.MENAGERIE_DATABASE_URL ? undefined : readTarget(environmentLayout(environment));
}

/** What this machine knows of an environment besides its database. */
async function stackOf(environment: string, namespace: string): Promise<StackReads> {
  const target = await targetOf(environment);
  const layout = environmentLayout(environment);
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
