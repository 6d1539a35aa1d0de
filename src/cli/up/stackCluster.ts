import type { KubeConfig } from "@kubernetes/client-node";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import type { EngineTarget } from "../../local/target.ts";

/** Where the objects of an environment's stack are. */
export function whereObjectsAre({ kubeconfig, databaseServer }: EngineTarget): {
  readonly cluster: () => Promise<KubeConfig>;
  readonly database: DatabaseServer | undefined;
} {
  return {
    cluster: () => clusterOf(kubeconfig),
    database: databaseServer ? serverOf(databaseServer.url) : namedServer(),
  };
}

/** The server that MENAGERIE_DATABASE_URL names, for stacks whose database is not an environment's own. */
export function namedServer(): DatabaseServer | undefined {
  const { MENAGERIE_DATABASE_URL: url } = process.env;
  return url ? serverOf(url) : undefined;
}

function serverOf(url: string): DatabaseServer {
  return serverFromUrl(url, "MENAGERIE_DATABASE_URL");
}

/** The client is loaded when it is needed, which takes a while. */
async function clusterOf(kubeconfig: string): Promise<KubeConfig> {
  const { kubeConfigOf } = await import("../../adapters/kubernetes/kubeConfigFile.ts");
  return kubeConfigOf(kubeconfig);
}
