import type { ClientBase } from "pg";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import type { Destruction, StoredResource } from "../../domain/preview/destruction.ts";
import { isDynamic } from "../../domain/preview/preview.ts";
import { asDeployer, type DatabaseInput } from "../../providers/databaseServer.ts";
import { deleteReferenced } from "../../providers/modelVersion.ts";

interface Destroyed {
  readonly stack: string;
  readonly resources: readonly StoredResource[];
  readonly destruction: Destruction;
  /** Asks the stack's cluster for anything; rejects where it does not answer. */
  readonly askCluster: () => Promise<void>;
}

/** Everything that would end `pulumi destroy` halfway, with what to do about it. */
export async function holds({ stack, resources, destruction, askCluster }: Destroyed): Promise<string[]> {
  const [apps, cluster] = await Promise.all([heldByApps(resources), heldByCluster(resources, askCluster)]);
  return [...heldByProtection(stack, destruction.protected), ...apps, ...cluster];
}

/** Of a stack every route, namespace and schema is protected. */
const mostNames = 5;

function heldByProtection(stack: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const what = names.length === 1 ? "1 resource is" : `${names.length} resources are`;
  const shown = names.slice(0, mostNames).join(", ");
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  return [`${what} protected (${shown}${more}); run \`pulumi state unprotect --all -s ${stack}\``];
}

async function heldByApps(resources: readonly StoredResource[]): Promise<string[]> {
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

async function heldByCluster(resources: readonly StoredResource[], askCluster: () => Promise<void>): Promise<string[]> {
  if (!resources.some(({ type }) => type.startsWith("kubernetes:"))) return [];
  try {
    await askCluster();
    return [];
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return [`its cluster does not answer (${messageOf(cause)}); set KUBECONFIG to the one of the stack's cluster`];
  }
}
