import * as pulumi from "@pulumi/pulumi";
import log from "@pulumi/pulumi/log/index.js";
import { lastVersionTag } from "./adapters/git/checkout.ts";
import { serviceSource } from "./adapters/images/checkoutImage.ts";
import { requireKubeContext } from "./adapters/kubernetes/kubeContexts.ts";
import { mlflowServer } from "./adapters/mlflow/registry.ts";
import type { EnvironmentSpec } from "./config/environment.ts";
import { keyPath } from "./config/sentences.ts";
import { encryptedKeys, migrationTargetUrl, publicConfig, secretValues } from "./config/stackConfig.ts";
import { OperatorError } from "./domain/errors.ts";
import { inEnvironment } from "./domain/printedCommands.ts";
import { everyRefusal } from "./domain/refusals/everyRefusal.ts";
import { type ClusterReader, checkCluster } from "./plan/cluster.ts";
import { plannedDepartures } from "./plan/departures.ts";
import { planDevelopments } from "./plan/development.ts";
import { engineAbove, isPartial, showsDebugging } from "./plan/engineAbove.ts";
import { checkGatewayApi, type GatewayReader } from "./plan/gatewayApi.ts";
import { checkMesh, type MeshReader, withEmbeddedGateway } from "./plan/mesh.ts";
import { withMigrations } from "./plan/migrations.ts";
import { withMigrationTarget } from "./plan/migrationTarget.ts";
import { type LastOutputs, planPlatform } from "./plan/platform.ts";
import { partialRun, planEnvironmentRelease } from "./plan/release.ts";
import { planSecrets, secretUsers } from "./plan/secrets.ts";
import { smokeSets } from "./plan/smoke.ts";
import { declaredStack } from "./plan/stackFile.ts";
import { planState } from "./plan/state.ts";
import { imageHolder, withStoredImages } from "./plan/storedImages.ts";
import { trussesOf } from "./plan/trusses.ts";
import { concernedByContent, planZoo, readFromFolders } from "./plan/zoo.ts";
import { deleteFixedNamesFirst } from "./program/fixedNames.ts";
import { outputsOfOne } from "./program/outputs.ts";
import { protectWhatServesOrStores } from "./program/protection.ts";
import { deployEnvironment } from "./program.ts";

// The engine's language host maps stack traces through source maps, for every promise that it keeps. Types are stripped in
// place here, so positions are true without, and registering resources takes half the time.
Object.assign(Error, { prepareStackTrace: undefined });
// The SDK tells the engine of every resource several times, a round trip each and one after the other.
const engine = engineAbove();
if (engine && !showsDebugging(engine.args)) Object.assign(log, { debug: () => Promise.resolve() });

/** Entry of a stack: config in, resources and outputs out. */
async function stack() {
  try {
    pulumi.runtime.registerStackTransformation(deleteFixedNamesFirst);
    const config = pulumi.runtime.allConfig();
    const surroundings = {
      secretKeys: encryptedKeys(process.env.PULUMI_CONFIG_SECRET_KEYS),
      gatewayUrl: process.env.MENAGERIE_GATEWAY_URL,
      apiUrl: process.env.MENAGERIE_API_URL,
      databaseAddress: process.env.MENAGERIE_DATABASE_ADDRESS,
      // An embedded environment has a build service.
      embedded: Boolean(process.env.MENAGERIE_BUILD_URL),
    };
    const where = { project: process.cwd(), stack: pulumi.getStack() };
    const spec = await declaredStack({ ...where, config, surroundings });
    if (spec.kubeContext !== undefined) requireKubeContext(spec.kubeContext, keyPath(["kubeContext"]));
    // Environments of `menagerie` have this stack; it asks before whatever they do.
    if (pulumi.getStack() !== "local") pulumi.runtime.registerStackTransformation(protectWhatServesOrStores);
    const preview = pulumi.runtime.isDryRun();
    const planned = async () => {
      const ownPlatform = await planPlatform(spec, {
        url: process.env.MENAGERIE_DATABASE_URL,
        password: config["menagerie:databasePassword"],
        preview,
        lastOutputs,
        mayBeginAnew: process.env.MENAGERIE_NEW_DATABASE === "true",
      });
      return withMigrationTarget(spec, ownPlatform, {
        environmentUrl: process.env.MENAGERIE_MIGRATION_DATABASE_URL,
        configUrl: migrationTargetUrl(config),
        preview,
        stack: pulumi.getStack(),
      });
    };
    const read = async () => {
      const stored = await withStoredImages(
        spec,
        await planned(),
        imageHolder(spec, process.env.MENAGERIE_IMAGE_STORE, loginsInCluster(spec)),
      );
      const { platform, sentences } = stored;
      return {
        platform,
        sentences,
        trusses: await trussesOf({ ...spec, zoo: readFromFolders(spec, platform) }, process.cwd()),
      };
    };
    const [cluster, gateway, mesh, { platform, trusses, sentences }, smoke] = await everyRefusal([
      checkCluster(spec, { preview, reader: clusterOf(spec) }),
      checkGatewayApi(spec, { preview, reader: gatewayOf(spec) }),
      checkMesh(spec, {
        preview,
        reader: surroundings.embedded ? withEmbeddedGateway(meshOf(spec)) : meshOf(spec),
      }),
      read(),
      smokeSets(concernedByContent(spec), process.cwd()),
    ]);
    for (const line of gateway.lines) await pulumi.log.info(line);
    for (const sentence of [...cluster, ...gateway.warnings, ...mesh, ...sentences]) await pulumi.log.warn(sentence);
    const trussHashes = new Map([...trusses].map(([folder, { hash }]) => [folder, hash]));
    const secretsOf = (folder: string) => trusses.get(folder)?.secrets ?? [];
    const plannedZoo = async () =>
      withMigrations(planZoo(spec, { platform, hashes: trussHashes, secretsOf, smoke }), platform);
    const [zoo, development] = await everyRefusal([
      plannedZoo(),
      planDevelopments(spec, trusses, platform, { lastOutputs, sentHeads: process.env.MENAGERIE_SENT_HEADS }),
    ]);
    const release = await planEnvironmentRelease(spec, platform, zoo, {
      environment: pulumi.getStack(),
      config: publicConfig(config, surroundings.secretKeys),
      lastVersionTag: () => lastVersionTag(process.cwd()),
      mlflow: mlflowServer(spec.mlflow?.url, process.env),
      lastOutputs,
    });
    if (release && !process.env.MENAGERIE_DEPLOY_ONLY && isPartial(engine?.args ?? [])) {
      await pulumi.log.warn(partialRun);
    }
    const departures = plannedDepartures(spec, { platform, hashes: trussHashes, lastOutputs: await lastOutputs() });
    for (const sentence of departures) await pulumi.log.warn(sentence);
    const state = await planState(spec, platform, release?.intent, lastOutputs);
    const outputs = deployEnvironment(spec, {
      ...{ trussHashes, zoo, platform },
      development,
      release: release && { ...release, intent: { ...release.intent, stateSchema: state?.current.schema ?? null } },
      state,
      builds: buildService(process.env),
      serviceHash: spec.services.image ? undefined : await serviceSource(process.cwd()),
      buildFolders: localFolders(process.env),
      secretSources: await planSecrets(spec, secretUsers(spec, zoo, secretsOf), keysInCluster(spec)),
      secrets: pulumi.secret(secretValues(config)),
    });
    const { MENAGERIE_DEPLOY_ONLY: only } = process.env;
    return only ? outputsOfOne(outputs, await lastOutputs(), only) : outputs;
  } catch (error) {
    // The engine prints the message of a RunError alone; for everything else it adds the stack trace.
    if (error instanceof OperatorError) {
      throw new pulumi.RunError(inEnvironment(error.message, process.env.MENAGERIE_ENVIRONMENT));
    }
    throw error;
  }
}

/** The local environment's, which `menagerie` names in these variables. */
function buildService({ MENAGERIE_BUILD_URL: url, MENAGERIE_BUILD_TOKEN: token }: NodeJS.ProcessEnv) {
  return url && token ? { url, token } : undefined;
}

/** Image store and cache of the embedded environment, where `menagerie` says that this is one. */
function localFolders({ MENAGERIE_IMAGE_STORE: store, MENAGERIE_CACHE: cache }: NodeJS.ProcessEnv) {
  return store && cache ? { store, cache } : undefined;
}

/** Outputs of this stack's last `up`, read once; asked for only when something needs them. */
function lastOutputs(): Promise<LastOutputs> {
  read ??= readOutputs();
  return read;
}
let read: Promise<LastOutputs> | undefined;

function readOutputs(): Promise<LastOutputs> {
  const self = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const { outputs } = new pulumi.StackReference("self", { name: self });
  return new Promise((resolve) => outputs.apply((values) => resolve(values)));
}

interface StackCluster {
  readonly kubeContext?: string | undefined;
}

function keysInCluster(spec: StackCluster) {
  return async (namespace: string, name: string) => {
    const { readSecretKeys } = await import("./adapters/kubernetes/secretKeys.ts");
    return readSecretKeys(await kubeConfig(spec), namespace, name);
  };
}

function loginsInCluster(spec: EnvironmentSpec) {
  const { namespace, builds } = spec;
  const secret = builds.credentials && { namespace: builds.namespace, name: builds.credentials };
  return async () => {
    const { clusterLogins } = await import("./adapters/kubernetes/pullSecrets.ts");
    return clusterLogins(() => kubeConfig(spec), { namespace, builds: secret || undefined });
  };
}

function clusterOf(spec: StackCluster): ClusterReader {
  return {
    servedApis: async () => {
      const { readServedApis } = await import("./adapters/kubernetes/servedApis.ts");
      return readServedApis(await kubeConfig(spec));
    },
    karpenterGates: async () => {
      const { readKarpenterGates } = await import("./adapters/kubernetes/karpenterGates.ts");
      return readKarpenterGates(await kubeConfig(spec));
    },
  };
}

function gatewayOf(spec: StackCluster): GatewayReader {
  return {
    gateway: async (...asked) => {
      const { readGateway } = await import("./adapters/kubernetes/gatewayApi.ts");
      return readGateway(await kubeConfig(spec), ...asked);
    },
  };
}

function meshOf(spec: StackCluster): MeshReader {
  const adapter = () => import("./adapters/kubernetes/mesh.ts");
  return {
    countPods: async (...asked) => (await adapter()).countPods(await kubeConfig(spec), ...asked),
    meshConfigs: async () => (await adapter()).readMeshConfigs(await kubeConfig(spec)),
  };
}

/** Loads the Kubernetes client, which takes a second, only for a stack that asks. */
async function kubeConfig({ kubeContext }: StackCluster) {
  const { ambientKubeConfig } = await import("./adapters/kubernetes/workloads.ts");
  return ambientKubeConfig(kubeContext);
}

export default stack;
