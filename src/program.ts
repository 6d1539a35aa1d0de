import * as kubernetes from "@pulumi/kubernetes";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { AdminSecrets } from "../components/adminSecrets.ts";
import { DynamicSettings } from "../components/dynamicSettings.ts";
import { GpuNodePool } from "../components/gpuNodePool.ts";
import { ModelZooEntry, type ModelZooEntryArgs } from "../components/modelZooEntry.ts";
import { declared } from "../components/ownership.ts";
import { PlatformDatabase } from "../components/platformDatabase.ts";
import { PlatformServices } from "../components/platformServices.ts";
import { urlOf } from "./adapters/postgres/server.ts";
import { kubernetesName } from "./config/crossRules.ts";
import type { EnvironmentSpec, NodeClassSpec, PoolSpec, ZooEntrySpec } from "./config/environment.ts";
import { builtInPool } from "./config/pools.ts";
import { platformDatabase } from "./domain/platformDatabase.ts";
import type { GpuPool } from "./domain/serving/nodePool.ts";
import { placementOn } from "./domain/serving/placement.ts";
import type { SecretSource } from "./domain/serving/secrets.ts";
import type { Placement } from "./domain/serving/servedModel.ts";
import type { PlatformPlan } from "./platformPlan.ts";
import { CheckoutImage } from "./resources/checkoutImage.ts";
import { ownSecret } from "./secretPlan.ts";

/** What the program learns of the world before it declares anything. */
export interface EnvironmentFacts {
  /** Content hash by truss folder, of every folder that the environment names. */
  readonly trussHashes: ReadonlyMap<string, string>;
  /**
   * Where the secrets of each model come from, by model.
   * @default no model has any
   */
  readonly secretSources?: ReadonlyMap<string, readonly SecretSource[]>;
  /**
   * Planned model versions, and the database that they are registered in.
   * @default the stack has no database
   */
  readonly platform?: PlatformPlan | undefined;
  /** Content hash of the services' code: needed where the services' image is the checkout. */
  readonly serviceHash?: string | undefined;
  /** Values of the secrets that the stack's config holds: needed where `spec.secrets` names any. */
  readonly secrets?: pulumi.Output<Readonly<Record<string, string>>>;
}

/** One rollout, as the stack's outputs show it. */
export interface RolloutOutput {
  readonly phase: ZooEntrySpec["phase"];
  /** Id of the registered version; null for a stack without a database. */
  readonly versionId: pulumi.Output<string> | null;
  /** Number of the version; null for a stack without a database. */
  readonly version: number | null;
  readonly hash: string;
  readonly since: string | null;
}

/** One served model, as the stack's outputs show it. */
export interface ModelOutput {
  readonly name: string;
  readonly namespace: string;
  readonly kind: "zoo";
  readonly mode: ZooEntrySpec["mode"];
  readonly pool: string;
  /** The truss folder, relative to the project. */
  readonly truss: string;
  readonly hash: string;
  readonly versionId: pulumi.Output<string> | null;
  readonly version: number | null;
  readonly image: pulumi.Output<string>;
  readonly url: string;
}

/** Outputs of a stack; parts that an environment does not have are null. */
export interface EnvironmentOutputs {
  readonly gatewayUrl: string;
  readonly apiUrl: string | null;
  readonly models: Readonly<Record<string, ModelOutput>>;
  readonly rollouts: Readonly<Record<string, RolloutOutput>>;
  readonly release: string | null;
  /** Name of the last migration of the platform's tables; null for a stack without a database. */
  readonly schemaVersion: pulumi.Output<string> | null;
}

/** Local nodes' capacity where the pool does not say. */
const localCapacity = { cpu: "16", memory: "64Gi" };

/** Declares everything that `spec` says, and answers the stack's outputs. Reads no config and does no I/O. */
export function deployEnvironment(spec: EnvironmentSpec, facts: EnvironmentFacts): EnvironmentOutputs {
  const cluster = new kubernetes.Provider("cluster", {
    // Else a ConfigMap with a fixed name is deleted and made again under its readers when its data changes.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    ...(spec.kubeContext === undefined ? {} : { context: spec.kubeContext }),
  });
  const onCluster = { provider: cluster };
  const namespace = new kubernetes.core.v1.Namespace(
    "models",
    { metadata: declared({ name: spec.namespace, labels: { "app.kubernetes.io/part-of": "menagerie" } }) },
    onCluster,
  );
  const secrets = adminSecrets(spec, facts, { providers: [cluster], dependsOn: namespace });
  new DynamicSettings(
    "dynamic-settings",
    { ...spec.dynamicSettings, zoo: spec.zoo },
    { providers: [cluster], dependsOn: namespace },
  );

  const pools = new Map<string, GpuNodePool>();
  for (const [name, pool] of Object.entries(spec.pools)) {
    pools.set(name, new GpuNodePool(name, poolArgs(pool, spec.nodeClass), { providers: [cluster] }));
  }

  const platform = facts.platform && declarePlatform(spec, facts, facts.platform, cluster);

  const models: Record<string, ModelOutput> = {};
  const rollouts: Record<string, RolloutOutput> = {};
  for (const [name, entry] of Object.entries(spec.zoo)) {
    const { truss, phase, mode, pool } = entry;
    const trussHash = facts.trussHashes.get(truss);
    if (trussHash === undefined) throw new Error(`the program was not told the hash of ${truss}`);
    rollouts[name] = { phase, versionId: null, version: null, hash: trussHash, since: null };
    if (phase === "off") continue;
    const nodes = pools.get(pool);
    const zooEntry = new ModelZooEntry(
      name,
      {
        ...entry,
        kubernetesName: kubernetesName(name),
        version: platform?.versionOf(name),
        namespace: spec.namespace,
        trussHash,
        builder: spec.builder,
        placement: nodes?.placement ?? ordinaryNodes,
        secrets: facts.secretSources?.get(name),
        gateway: spec.gateway,
        readyTimeoutSeconds: spec.serving.readyTimeoutSeconds,
        kubeContext: spec.kubeContext,
      },
      { providers: [cluster], dependsOn: [namespace, ...(nodes ? [nodes] : []), ...secrets] },
    );
    const { versionId } = zooEntry;
    const version = facts.platform?.versions.get(name)?.number ?? null;
    rollouts[name] = { phase, versionId, version, hash: trussHash, since: null };
    models[name] = {
      name: zooEntry.service,
      namespace: spec.namespace,
      kind: "zoo",
      mode,
      pool,
      truss,
      hash: trussHash,
      versionId,
      version,
      image: zooEntry.image,
      url: zooEntry.predictUrl,
    };
  }
  return {
    gatewayUrl: spec.gateway.url,
    apiUrl: platform ? spec.services.apiUrl : null,
    models,
    rollouts,
    release: null,
    schemaVersion: platform?.schemaVersion ?? null,
  };
}

/** The platform's tables and the services that work in them. */
function declarePlatform(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  plan: PlatformPlan,
  cluster: kubernetes.Provider,
) {
  const { server } = plan;
  const postgres = new postgresql.Provider("database", {
    host: server.host,
    port: server.port,
    username: server.user,
    ...(server.password === undefined ? {} : { password: pulumi.secret(server.password) }),
    database: server.maintenanceDatabase,
    sslmode: server.sslMode,
  });
  const url = plan.fromEnvironment ? undefined : pulumi.secret(urlOf(server, server.maintenanceDatabase));
  const tables = new PlatformDatabase(
    "platform",
    { version: plan.schemaVersion, url, protect: spec.nodeClass !== "local" },
    { providers: [postgres] },
  );
  const image =
    spec.services.image ??
    new CheckoutImage("api", { name: "api", entry: "src/services/api/main.ts", hash: facts.serviceHash ?? "" }).image;
  const { host, port, sslMode } = spec.database ?? server;
  new PlatformServices(
    "platform",
    {
      namespace: spec.services.namespace,
      image,
      databaseUrl: tables.api.password.apply((password) =>
        urlOf({ ...server, host, port, sslMode, user: tables.api.name, password }, platformDatabase),
      ),
      modelsNamespace: spec.namespace,
      requireApiKey: spec.serving.requireApiKey,
      replicas: spec.services.replicas,
      gateway: spec.gateway,
    },
    { providers: [cluster], dependsOn: tables },
  );
  return {
    schemaVersion: tables.schema.version,
    versionOf(model: string): ModelZooEntryArgs["version"] {
      const version = plan.versions.get(model);
      if (!version) throw new Error(`the program was not told the version of ${model}`);
      return { plan: version, basis: plan.basis, tables, current: true, database: url };
    },
  };
}

function adminSecrets(
  { secrets, namespace }: EnvironmentSpec,
  facts: EnvironmentFacts,
  options: pulumi.ComponentResourceOptions,
): AdminSecrets[] {
  if (secrets.length === 0) return [];
  if (!facts.secrets) throw new Error("the program was not told the values of menagerie:secrets");
  return [new AdminSecrets("admin-secrets", { namespace, name: ownSecret, values: facts.secrets }, options)];
}

const ordinaryNodes: Placement = placementOn(builtInPool, []);

function poolArgs(pool: PoolSpec, nodeClass: NodeClassSpec) {
  const { gpu, instanceTypes, zones, taints } = pool;
  const size: GpuPool["size"] = pool.limits ? { gpus: pool.limits.gpus } : { replicas: pool.replicas ?? 0 };
  const nodes: GpuPool["nodes"] =
    nodeClass === "local" ? { kind: "local", capacity: pool.capacity ?? localCapacity } : { ...nodeClass, kind: "ec2" };
  return { gpu, size, instanceTypes, zones, taints, nodes };
}
