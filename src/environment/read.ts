import * as pulumi from "@pulumi/pulumi";
import { serviceSource } from "../adapters/images/checkoutImage.ts";
import { serverFromUrl } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec, RawEnvironment } from "../config/environment.ts";
import { parseEnvironment } from "../config/parse.ts";
import { OperatorError } from "../domain/errors.ts";
import { loadFastDigest } from "../domain/truss/digest.ts";
import type { PlanBasis } from "../domain/zoo/plan.ts";
import { type KnownDevelopments, readDevelopments } from "../plan/development.ts";
import { type PlatformPlan, planPlatform } from "../plan/platform.ts";
import { withReadyPods } from "../plan/readyPods.ts";
import { existingKeys } from "../plan/secrets.ts";
import { imageHolder, withStoredImages } from "../plan/storedImages.ts";
import { clusterReaders } from "./clusterReaders.ts";
import type { EnvironmentFacts } from "./facts.ts";
import { given } from "./given.ts";
import { platformOptions, releaseSources, warn } from "./ofRun.ts";
import type { ReadBefore } from "./plansOnDemand.ts";
import { environmentDefaults } from "./shellVariables.ts";
import type { StackRun } from "./stackRun.ts";

/** What an environment is, in the words of a stack's config: everything but what components declare. */
export interface EnvironmentOptions
  // The compiler that Pulumi brings does not follow pnpm's links to zod, and takes what it infers for `any`: still nothing is demanded.
  extends Partial<
    Pick<
      RawEnvironment,
      | "namespace"
      | "gateway"
      | "serving"
      | "nodeClass"
      | "services"
      | "builds"
      | "mesh"
      | "adminSecrets"
      | "kubeContext"
      | "previewDatabase"
      | "versioning"
      | "models"
      | "mlflow"
    >
  > {
  /**
   * Url of the platform's PostgreSQL, as `postgresql://USER:PASSWORD@HOST:PORT/postgres`: a secret, which stands in no state in the clear.
   * @default the one that MENAGERIE_DATABASE_URL names, as in an environment of `menagerie`; else none, and models have no versions
   */
  readonly database?: pulumi.Input<string> | undefined;
  /**
   * A Prometheus that scrapes the gateway's pods, as the API service's pods reach it: requests at the gateway are counted by what it has. Its
   * `bearerToken` is a secret, which stands in no state in the clear.
   * @default the API service reads the gateway's pods itself
   */
  readonly prometheus?: PrometheusOptions | undefined;
}

/** A Prometheus, in the words of `menagerie:prometheus`. */
export interface PrometheusOptions {
  /** Such as `http://prometheus.monitoring.svc:9090`, without a slash at the end. */
  readonly url: string;
  /**
   * What it is asked with. A secret.
   * @default it is asked without one
   */
  readonly bearerToken?: pulumi.Input<string> | undefined;
}

/** An environment that was read, before anything is declared on it. */
export interface ReadEnvironment {
  readonly raw: RawEnvironment;
  readonly spec: EnvironmentSpec;
  readonly defaults: ReturnType<typeof environmentDefaults>;
  readonly facts: EnvironmentFacts;
  readonly before: ReadBefore;
}

/**
 * Reads what components plan by, all of it by questions that change nothing. What could not be checked is told as warnings.
 *
 * @throws OperatorError for options that are wrong, and for a database that does not answer
 */
export async function readOptions(options: EnvironmentOptions, run: StackRun): Promise<ReadEnvironment> {
  const { shell, project, isPartial } = run;
  const { database, prometheus, ...said } = options;
  const url = database === undefined ? { isKnown: true, value: shell.databaseUrl } : await knownValue(database);
  const fromOptions = database !== undefined && url.value !== undefined;
  const raw: RawEnvironment = {
    ...said,
    ...given({ database: fromOptions ? serverOf(url.value) : undefined, prometheus: withoutToken(prometheus) }),
  };
  // Nobody knows yet what else there will be, nor which program has the services.
  const defaults = { ...environmentDefaults(shell), isPart: true };
  const spec = parseEnvironment(raw, defaults);
  await checkToken(prometheus, raw, defaults);
  const cluster = clusterReaders(spec);
  if (!url.isKnown) await warn(["database: its url is not known yet, so versions and rollouts were not checked"]);
  const planned = await planPlatform(spec, {
    ...platformOptions(run),
    url: url.value,
    ...(fromOptions ? { urlFrom: "database" } : {}),
    models: "every",
    password: undefined,
  });
  const doubt = planned && doubts[planned.basis];
  if (doubt) await warn([doubt]);
  const stored = await withStoredImages(
    { zoo: {} },
    planned,
    imageHolder(spec, shell.imageStore, cluster.registryLogins),
  );
  const { platform, sentences } = await withReadyPods(stored.platform, cluster.readyPods);
  await warn([...stored.sentences, ...sentences]);
  const [developments, secretKeys, serviceHash] = await Promise.all([
    knownDevelopments(platform, run),
    keysOf(spec, cluster.secretKeys),
    spec.services.image === undefined && shell.embedded ? serviceSource(project).catch(() => undefined) : undefined,
    loadFastDigest(),
  ]);
  const facts = {
    environment: shell.environment,
    trussHashes: new Map(),
    zoo: new Map(),
    platform,
    builds: shell.builds,
    isEmbedded: shell.embedded,
    serviceHash,
    buildFolders: shell.buildFolders,
    prometheusToken: prometheus?.bearerToken === undefined ? undefined : pulumi.secret(prometheus.bearerToken),
    isPartial,
  };
  const release = releaseSources(spec, run, {});
  return { raw, spec, defaults, facts, before: { project, platform, developments, release, secretKeys } };
}

/** What a plan's basis leaves open. */
const doubts: Readonly<Record<PlanBasis, string | undefined>> = {
  read: undefined,
  "new database": "database: it does not answer or has no tables yet, so it counts as new: versions begin at 1",
  "not checked": "database: it does not answer, so plans begin from the last `up`",
};

/** What stands for a token where the environment only has to know that there is one: it is kept, and may be printed. */
const withheld = "withheld";

function withoutToken(prometheus: PrometheusOptions | undefined): RawEnvironment["prometheus"] {
  return (
    prometheus && {
      ...prometheus,
      ...given({ bearerToken: prometheus.bearerToken === undefined ? undefined : withheld }),
    }
  );
}

/** @throws OperatorError for a token that none can be, as for a stack's config */
async function checkToken(
  prometheus: PrometheusOptions | undefined,
  raw: RawEnvironment,
  defaults: ReadEnvironment["defaults"],
): Promise<void> {
  if (prometheus?.bearerToken === undefined) return;
  const { isKnown, value } = await knownValue(prometheus.bearerToken);
  if (isKnown) parseEnvironment({ ...raw, prometheus: { url: prometheus.url, bearerToken: value } }, defaults);
}

/** A value that another resource of the same program makes may not be known in a preview. */
async function knownValue(
  input: pulumi.Input<string>,
): Promise<{ readonly isKnown: boolean; readonly value?: string }> {
  const output = pulumi.secret(input) as pulumi.Output<string> & { readonly isKnown: Promise<boolean> };
  if (!(await output.isKnown)) return { isKnown: false };
  return { isKnown: true, value: await new Promise((resolve) => output.apply(resolve)) };
}

function serverOf(url = ""): NonNullable<RawEnvironment["database"]> {
  const { host, port, user, sslMode } = serverFromUrl(url, "database");
  return { host, port, adminUser: user, sslMode };
}

async function knownDevelopments(platform: PlatformPlan | undefined, run: StackRun): Promise<KnownDevelopments> {
  const { lastOutputs, shell } = run;
  if (!platform) return { registry: { versions: new Map(), highest: new Map() }, outputs: {}, sentHeads: [] };
  return readDevelopments(platform, "every", { lastOutputs, sentHeads: shell.sentHeads });
}

/** Asked before a truss names a secret; told only where one does. */
async function keysOf(
  spec: EnvironmentSpec,
  readKeys: ReturnType<typeof clusterReaders>["secretKeys"],
): Promise<ReadBefore["secretKeys"]> {
  try {
    const keys = await existingKeys(spec, readKeys);
    return () => keys;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return () => {
      throw error;
    };
  }
}
