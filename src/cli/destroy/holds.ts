import type { ClientBase } from "pg";
import type { StateResource } from "../../domain/engineState.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { isDynamic } from "../../domain/preview/preview.ts";
import type { DatabaseInput } from "../../providers/databaseInput.ts";
import { asDeployer } from "../../providers/databaseServer.ts";
import { deleteReferenced } from "../../resources/modelVersion.handler.ts";

export interface Destroyed {
  readonly resources: readonly StateResource[];
  /** Asks the cluster of the stack's objects for anything; rejects where it does not answer. */
  readonly askCluster: (resources: readonly StateResource[]) => Promise<void>;
}

/** Everything that would end `pulumi destroy` halfway, with what to do about it. */
export async function holds({ resources, askCluster }: Destroyed): Promise<string[]> {
  return (await Promise.all([heldByApps(resources), heldByCluster(resources, askCluster)])).flat();
}

async function heldByApps(resources: readonly StateResource[]): Promise<string[]> {
  const versions = resources.filter((resource) => isDynamic(resource, "ModelVersion"));
  const [first] = versions;
  if (!first || process.env[deleteReferenced] === "true") return [];
  const { pointedAt } = await import("../../adapters/postgres/modelVersions.ts");
  const ids = versions.flatMap(({ id }) => id ?? []);
  try {
    const held = await asDeployer((first.inputs ?? {}) as DatabaseInput, (client: ClientBase) =>
      pointedAt(client, ids),
    );
    return held.map((reason) => `${reason}; move or delete them, or set ${deleteReferenced}=true to leave them behind`);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [
      `whether apps point at its models cannot be read: ${error.message}; set ${deleteReferenced}=true to go on without`,
    ];
  }
}

async function heldByCluster(
  resources: readonly StateResource[],
  askCluster: Destroyed["askCluster"],
): Promise<string[]> {
  if (!resources.some(({ type }) => type.startsWith("kubernetes:"))) return [];
  try {
    await askCluster(resources);
    return [];
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return [`its cluster does not answer (${messageOf(cause)}); set KUBECONFIG to the one of the stack's cluster`];
  }
}
