import type { KubeConfig } from "@kubernetes/client-node";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import { databaseIn } from "../../config/parse.ts";
import { kubeContextOf, type StateResource } from "../../domain/engineState.ts";
import { lastLine } from "../../domain/lastLine.ts";
import type { EngineTarget } from "../../local/target.ts";
import type { EngineCommands } from "./stackEngine.ts";

/** Where the objects of a stack are looked for. */
export interface StackObjects {
  readonly cluster: () => Promise<KubeConfig>;
  /** Answers undefined for a stack that has none. @default none */
  readonly database?: ((signal: AbortSignal) => Promise<DatabaseServer | undefined>) | undefined;
}

/** Config of a stack, keys with their prefix. */
type Config = Readonly<Record<string, unknown>>;
type Engine = Pick<EngineCommands, "capture">;

/** Where the objects of an environment's stack are. */
export function objectsOfEnvironment(
  { kubeconfig, databaseServer }: EngineTarget,
  engine: Engine,
  config: () => Promise<Config>,
): StackObjects {
  return {
    cluster: () => clusterOf(kubeconfig),
    database: async (signal) =>
      databaseServer ? serverFromUrl(databaseServer.url, variable) : serverOf(engine, await config(), signal),
  };
}

/** Where the objects of a stack of the user's own are. */
export function objectsOfStack(
  engine: Engine,
  config: Config,
  resources: () => Promise<readonly StateResource[]>,
): StackObjects {
  return {
    cluster: async () => clusterOfState(await resources()),
    database: (signal) => serverOf(engine, config, signal),
  };
}

/** The cluster that holds the objects of a state: its own context in the user's kubeconfig, whatever the stack's file says by now. */
export async function clusterOfState(resources: readonly StateResource[]): Promise<KubeConfig> {
  const { ambientKubeConfig } = await import("../../adapters/kubernetes/workloads.ts");
  return ambientKubeConfig(kubeContextOf(resources));
}

const variable = "MENAGERIE_DATABASE_URL";

/** The server of the platform's database, as the program finds it: MENAGERIE_DATABASE_URL, else the stack's config. */
async function serverOf(engine: Engine, config: Config, signal: AbortSignal): Promise<DatabaseServer | undefined> {
  const { [variable]: url, MENAGERIE_DATABASE_ADDRESS: address } = process.env;
  if (url) return serverFromUrl(url, variable);
  const database = databaseIn(config, address);
  if (!database) return undefined;
  // Whoever encrypted it, the engine has the key.
  const { code, stdout, stderr } = await engine.capture(["config", "get", "menagerie:databasePassword"], signal);
  if (code !== 0) throw new Error(`${lastLine(stderr) ?? "its password cannot be read"}; set ${variable}`);
  const { platformServer } = await import("../../plan/platform.ts");
  return platformServer(database, { url: undefined, password: stdout.trimEnd() });
}

/** Clients are loaded when they are needed, which takes a while. */
async function clusterOf(kubeconfig: string): Promise<KubeConfig> {
  const { kubeConfigOf } = await import("../../adapters/kubernetes/kubeConfigFile.ts");
  return kubeConfigOf(kubeconfig);
}
