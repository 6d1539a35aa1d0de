import type * as z from "zod";
import { routeApis } from "../domain/serving/route.ts";
import type { Replicas } from "../domain/serving/scaleTarget.ts";
import { builds } from "./builds.ts";
import { database, databasePassword, previewDatabase } from "./database.ts";
import { development } from "./development.ts";
import { dynamicSettings, modelZooDeploymentAutomationEnabled, ratelimitEnabled } from "./dynamicSettings.ts";
import { choice, flag, listOf, mapping, text, wholeNumber } from "./fields.ts";
import { mesh } from "./mesh.ts";
import { migrationTarget } from "./migrationTarget.ts";
import { networkPolicies } from "./networkPolicies.ts";
import { nodeClass, pools } from "./pools.ts";
import { postgresCluster } from "./postgresCluster.ts";
import { prometheus } from "./prometheus.ts";
import { mlflow, models, versioning } from "./releases.ts";
import { adminSecrets, secrets } from "./secrets.ts";
import { services } from "./services.ts";
import { shadows } from "./shadows.ts";
import { state } from "./state.ts";
import { deploymentModes, zoo } from "./zoo.ts";

/** Namespaces that belong to the cluster or to Menagerie's own parts are refused by a cross-key rule. */
const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const gateway = mapping(
  {
    api: choice(
      routeApis,
      "API of the Gateway and of the models' routes: istio (VirtualServices on a Gateway of networking.istio.io) or gateway-api (HTTPRoutes on a Gateway of gateway.networking.k8s.io), see docs/gateway.md. Default: istio.",
    ).default("istio"),
    name: text(
      /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\/)?[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
      "give the Gateway as <namespace>/<name>, such as istio-system/models",
      "The Gateway that the models' routes attach to, as <namespace>/<name>. Default: istio-system/menagerie.",
    ).default("istio-system/menagerie"),
    url: text(
      /^https?:\/\/[^\s/?#]+$/,
      "give the address clients use, such as https://models.example.com, without a path",
      "Address under which clients reach the gateway, without a path. Default: the environment variable MENAGERIE_GATEWAY_URL, which `menagerie up` sets.",
    ).optional(),
    hosts: listOf(
      text(
        /^(\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/,
        "give a host name such as models.example.com, or *",
        "A host name.",
      ),
      'give at least one host name, or leave the key out for "*"',
      "Host names that the models' routes answer to. Default: * (every host of the Gateway).",
    ).default(["*"]),
  },
  "write {name: <namespace>/<gateway>, url: https://…}",
  "Where requests come in.",
);

const serving = mapping(
  {
    mode: choice(
      deploymentModes,
      "KServe deployment mode of models that do not choose theirs. Default: Standard.",
    ).default("Standard"),
    readyTimeoutSeconds: wholeNumber(
      10,
      7200,
      "How long `up` waits for a model to answer. Covers node start, image pull and load. Unit: seconds. Default: 600.",
    ).default(600),
    requireApiKey: flag(
      "Refuse predictions through the API service that carry no API key. A wrong key is always refused. Default: true.",
    ).default(true),
  },
  "write {mode: Standard, readyTimeoutSeconds: 600}",
  "How models are served.",
);

/** Everything that one stack declares. Every key has a default, so that an empty stack is a valid one. */
export const environmentSchema = mapping(
  {
    namespace: text(
      dnsLabel,
      "use lower-case letters, digits and dashes, such as models",
      "Kubernetes namespace that models are served in. Default: models.",
    ).default("models"),
    zoo,
    development,
    shadows,
    pools,
    nodeClass,
    gateway: gateway.prefault({}),
    mesh,
    networkPolicies,
    serving: serving.prefault({}),
    dynamicSettings: dynamicSettings.prefault({}),
    ratelimitEnabled,
    modelZooDeploymentAutomationEnabled,
    secrets,
    adminSecrets,
    database,
    databasePassword,
    postgresCluster,
    previewDatabase,
    prometheus,
    migrationTarget,
    services: services.prefault({}),
    versioning: versioning.prefault({}),
    models,
    mlflow,
    state,
    builds: builds.prefault({}),
    kubeContext: text(
      /^\S+$/,
      "give the name of a context of your kubeconfig",
      "Context of the kubeconfig. Default: its current context.",
    ).optional(),
  },
  "write a mapping",
  "A Menagerie environment.",
);

export type RawEnvironment = z.input<typeof environmentSchema>;
type Parsed = z.output<typeof environmentSchema>;

/** What a zoo model says of its judge; everything has a default. */
export type ZooEntryJudge = NonNullable<NonNullable<RawEnvironment["zoo"]>[string]["judge"]>;

/** What a zoo model's proof is judged by. */
export type ZooEntryProof = NonNullable<NonNullable<RawEnvironment["zoo"]>[string]["proof"]>;

/** A zoo model with its defaults filled in. `replicas` in pods, `resources.gpus` in whole GPUs of one pod. */
export interface ZooEntrySpec extends Omit<Parsed["zoo"][string], "replicas" | "resources" | "mode" | "truss"> {
  /** Truss folder relative to the project, without a trailing slash. */
  readonly truss: string;
  readonly mode: (typeof deploymentModes)[number];
  readonly replicas: Replicas;
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
}

/** A development version with its defaults filled in. It has exactly one pod, so there is no key for their number. */
export interface DevelopmentSpec extends Omit<Parsed["development"][string], "resources" | "mode" | "truss"> {
  /** Truss folder relative to the project, without a trailing slash. */
  readonly truss: string;
  readonly mode: (typeof deploymentModes)[number];
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
}

/** One model of a shadow deployment with its defaults filled in. */
export type ShadowedModelSpec = Pick<ZooEntrySpec, "truss" | "mode" | "pool" | "replicas" | "resources" | "env">;

/** A shadow deployment with its defaults filled in. */
export interface ShadowDeploymentSpec extends Omit<Parsed["shadows"][string], "primary" | "shadows"> {
  readonly primary: ShadowedModelSpec;
  /** In Standard mode, whatever the primary's is. */
  readonly shadows: Readonly<Record<string, ShadowedModelSpec>>;
}

export type PoolSpec = Parsed["pools"][string];
export type NodeClassSpec = Parsed["nodeClass"];
export type Ec2NodeClassSpec = Exclude<NodeClassSpec, string>;

/** A checked environment: every default is filled in, every reference between keys holds. */
export interface EnvironmentSpec
  extends Omit<
    Parsed,
    "zoo" | "development" | "shadows" | "gateway" | "secrets" | "databasePassword" | "migrationTarget" | "prometheus"
  > {
  readonly zoo: Readonly<Record<string, ZooEntrySpec>>;
  readonly development: Readonly<Record<string, DevelopmentSpec>>;
  readonly shadows: Readonly<Record<string, ShadowDeploymentSpec>>;
  /** `checksKeys`: it lets only requests with a key pass to models. */
  /** Its token stays a secret. */
  readonly prometheus?: { readonly url: string; readonly hasToken: boolean } | undefined;
  readonly gateway: Omit<Parsed["gateway"], "url"> & { readonly url: string; readonly checksKeys: boolean };
  readonly services: Omit<Parsed["services"], "apiUrl"> & {
    readonly apiUrl: string;
    /** Where the config says it, itself or by the gateway's url; undefined where a variable of the shell does. */
    readonly declaredApiUrl?: string | undefined;
  };
  /** Without its urls, which stay with the stack's entry. */
  readonly migrationTarget: Omit<NonNullable<Parsed["migrationTarget"]>, "databaseUrl" | "guardUrl"> | undefined;
  /** Whether the guard has a login in the database of {@link migrationTarget}. */
  readonly guardsTarget: boolean;
  /** Names of the secrets that the stack's config holds; their values stay with the stack's entry. */
  readonly secrets: readonly string[];
}

export type ParsedEnvironment = Parsed;
