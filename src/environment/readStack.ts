import * as pulumi from "@pulumi/pulumi";
import { serviceSource } from "../adapters/images/checkoutImage.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import {
  encryptedKeys,
  migrationTargetUrls,
  prometheusToken,
  publicConfig,
  secretValues,
} from "../config/stackConfig.ts";
import { keysWithoutEffect } from "../config/withoutEffect.ts";
import { everyRefusal } from "../domain/refusals/everyRefusal.ts";
import { embeddedGateway } from "../domain/serving/embeddedGateway.ts";
import { checkAllowedNamespaces } from "../plan/allowedNamespaces.ts";
import { checkCluster } from "../plan/cluster.ts";
import { concernedByContent, readFromFolders } from "../plan/content.ts";
import { plannedDepartures } from "../plan/departures.ts";
import { planDevelopments } from "../plan/development.ts";
import { checkGatewayApi } from "../plan/gatewayApi.ts";
import { leaveSentences } from "../plan/leave.ts";
import { checkMesh, withEmbeddedGateway } from "../plan/mesh.ts";
import { withMigrations } from "../plan/migrations.ts";
import { withMigrationTarget } from "../plan/migrationTarget.ts";
import { withOwnRollouts } from "../plan/ownRollouts.ts";
import { type PlatformPlan, planPlatform } from "../plan/platform.ts";
import { proofSamples } from "../plan/proofSamples.ts";
import { withReadyPods } from "../plan/readyPods.ts";
import { type PlannedRelease, partialRun, planEnvironmentRelease } from "../plan/release.ts";
import { planSecrets, secretUsers } from "../plan/secrets.ts";
import { smokeSets } from "../plan/smoke.ts";
import { planState } from "../plan/state.ts";
import { checkStatistics, withEmbeddedStatistics } from "../plan/statistics.ts";
import { checkStickyHeaders } from "../plan/stickyHeaders.ts";
import { imageHolder, withStoredImages } from "../plan/storedImages.ts";
import { checkTokenLimits } from "../plan/tokenLimits.ts";
import { trussesOf } from "../plan/trusses.ts";
import { planZoo } from "../plan/zoo.ts";
import type { ZooModelPlan } from "../plan/zooModel.ts";
import { clusterReaders } from "./clusterReaders.ts";
import type { EnvironmentFacts } from "./facts.ts";
import { platformOptions, releaseSources, warn } from "./ofRun.ts";
import type { StackRun } from "./stackRun.ts";

/**
 * Reads what the environment is planned from, and plans it: the only part of a stack's program that asks databases, clusters, registries
 * and folders, all of it by questions that change nothing. What could not be checked is told as warnings.
 *
 * @throws OperatorError with a line for each thing that an `up` would refuse.
 */
export async function readStack(spec: EnvironmentSpec, run: StackRun): Promise<EnvironmentFacts> {
  const { project, config, shell, lastOutputs } = run;
  const cluster = clusterReaders(spec);
  const [checks, { platform, trusses, sentences }, smoke, samples] = await everyRefusal([
    checkedCluster(spec, run, cluster),
    readContents(spec, run, cluster),
    Promise.try(smokeSets, concernedByContent(spec), project),
    Promise.try(proofSamples, concernedByContent(spec), project),
  ]);
  await warn([...checks, ...sentences]);
  const trussHashes = new Map([...trusses].map(([folder, { hash }]) => [folder, hash]));
  const secretsOf = (folder: string) => trusses.get(folder)?.secrets ?? [];
  const plannedZoo = async () =>
    withMigrations(planZoo(spec, { platform, hashes: trussHashes, secretsOf, smoke, proofSamples: samples }), platform);
  const [zoo, development] = await everyRefusal([
    plannedZoo(),
    planDevelopments(spec, trusses, platform, { lastOutputs, sentHeads: shell.sentHeads }),
    checkTokenLimits(spec, platform),
  ]);
  await warn([...zoo.values()].flatMap(({ warnings }) => warnings));
  const release = await plannedRelease(spec, run, platform, zoo);
  await warn(plannedDepartures(spec, { platform, hashes: trussHashes, lastOutputs: await lastOutputs() }));
  const state = await planState(spec, platform, release?.intent, lastOutputs);
  return {
    environment: shell.environment,
    trussHashes,
    zoo,
    platform,
    development,
    state,
    isPartial: release?.isPartial,
    release: release && { ...release, intent: { ...release.intent, stateSchema: state?.current.schema ?? null } },
    builds: shell.builds,
    isEmbedded: shell.embedded,
    serviceHash: spec.services.image ? undefined : await serviceSource(project),
    buildFolders: shell.buildFolders,
    secretSources: await planSecrets(spec, secretUsers(spec, zoo, secretsOf), cluster.secretKeys),
    prometheusToken: secret(prometheusToken(config)),
    guardUrl: secret(migrationTargetUrls(config).guardUrl),
    secrets: pulumi.secret(secretValues(config)),
  };
}

function secret(value: string | undefined): pulumi.Output<string> | undefined {
  return value === undefined ? undefined : pulumi.secret(value);
}

type Cluster = ReturnType<typeof clusterReaders>;

/** What the cluster serves of what the stack needs; sentences on what is missing for a preview, or could not be asked. */
async function checkedCluster(spec: EnvironmentSpec, { preview, shell }: StackRun, cluster: Cluster) {
  const [apis, gateway, mesh, sticky, statistics, allowed] = await everyRefusal([
    checkCluster(spec, { preview, reader: cluster.apis, isEmbedded: shell.embedded }),
    checkGatewayApi(spec, { preview, reader: cluster.gateway }),
    checkMesh(spec, { preview, reader: shell.embedded ? withEmbeddedGateway(cluster.mesh) : cluster.mesh }),
    checkStickyHeaders(spec, shell.embedded ? { istioVersions: async () => [embeddedGateway.version] } : cluster.istio),
    checkStatistics(spec, shell.embedded ? withEmbeddedStatistics(cluster.statistics) : cluster.statistics),
    checkAllowedNamespaces(spec, cluster.namespaces),
  ]);
  for (const line of gateway.lines) await pulumi.log.info(line);
  return [...apis, ...gateway.warnings, ...mesh, ...sticky, ...statistics, ...allowed];
}

/** The registry of the platform's database, and the trusses of the folders that it does not answer for. */
async function readContents(spec: EnvironmentSpec, run: StackRun, cluster: Cluster) {
  const { project, stack, config, preview, isPartial, shell, lastOutputs } = run;
  const stored = await planPlatform(spec, {
    ...platformOptions(run),
    isPartial,
    url: shell.databaseUrl,
    password: config["menagerie:databasePassword"],
  });
  // Programs of other teams may have models in the same database.
  const own = withOwnRollouts(spec, stored, await lastOutputs());
  const urls = migrationTargetUrls(config);
  const counted = await withMigrationTarget(spec, own, {
    preview,
    stack,
    environmentUrl: shell.migrationDatabaseUrl,
    configUrl: urls.databaseUrl,
    guardUrl: urls.guardUrl,
  });
  const [imaged, left] = await Promise.all([
    withStoredImages(spec, counted, imageHolder(spec, shell.imageStore, cluster.registryLogins)),
    leaveSentences(spec, counted),
  ]);
  const { platform, sentences } = await withReadyPods(imaged.platform, cluster.readyPods);
  return {
    platform,
    sentences: [...imaged.sentences, ...sentences, ...left, ...keysWithoutEffect(spec).map(({ message }) => message)],
    trusses: await trussesOf({ ...spec, zoo: readFromFolders(spec, platform) }, project),
  };
}

async function plannedRelease(
  spec: EnvironmentSpec,
  run: StackRun,
  platform: PlatformPlan | undefined,
  zoo: ReadonlyMap<string, ZooModelPlan>,
): Promise<PlannedRelease | undefined> {
  const { config, shell } = run;
  const recorded = publicConfig(config, encryptedKeys(shell.secretKeys));
  const release = await planEnvironmentRelease(spec, platform, zoo, releaseSources(spec, run, recorded));
  if (release?.isPartial && !shell.only) await warn([partialRun]);
  return release;
}
