import type { V1ConfigMap, V1Secret } from "@kubernetes/client-node";
import { z } from "zod";
import { kubeConfigOf } from "../adapters/kubernetes/kubeConfigFile.ts";
import { isApiError, requestJson } from "../adapters/kubernetes/request.ts";
import { environmentNames, type ReleaseLogin } from "../domain/release/environment.ts";
import { type HostEnvironment, hostEnvironment } from "../domain/release/hostEnvironment.ts";
import { readStackOutputs } from "../local/stackOutputs.ts";
import { readModels } from "./models.ts";
import { knownEnvironment } from "./options.ts";
import { refuse } from "./refusals.ts";

const outputs = z.looseObject({
  states: z.record(z.string(), z.looseObject({ current: z.boolean(), namespace: z.string() })).nullish(),
});

/** What a workload of a release runs with. */
export interface FoundEnvironment {
  readonly tag: string;
  readonly values: Readonly<Record<string, string>>;
  /** Those of `values` that come from the Secret. */
  readonly secrets: readonly string[];
  /** What is different on this machine. */
  readonly host: HostEnvironment;
}

/**
 * Reads ConfigMap and Secret of a release from the cluster.
 * @param tag default: the current release
 */
export async function readReleaseEnvironment(
  environment: string,
  login: ReleaseLogin,
  tag: string | undefined,
): Promise<FoundEnvironment> {
  const { target, layout } = await knownEnvironment(environment);
  const { states } = outputs.parse(await readStackOutputs(layout));
  const known = Object.entries(states ?? {});
  if (known.length === 0) {
    throw refuse("release.no-state");
  }
  const found = known.find(([name, { current }]) => (tag === undefined ? current : name === tag));
  if (!found) {
    throw refuse("release.unknown-tag", { tag: tag ?? "", known: known.map(([name]) => name).join(", ") });
  }
  const [release, { namespace }] = found;
  const config = kubeConfigOf(target.kubeconfig);
  const names = environmentNames(release);
  const at = `/api/v1/namespaces/${namespace}`;
  const [configMap, secret] = await Promise.all([
    requestJson<V1ConfigMap>(config, "GET", `${at}/configmaps/${names.config}`),
    requestJson<V1Secret>(config, "GET", `${at}/secrets/${names.secret[login]}`),
  ]).catch((error: unknown) => {
    if (!isApiError(error, 404)) throw error;
    throw refuse("release.no-environment", { release }, error);
  });
  const secrets = Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]),
  );
  const values = { ...configMap.data, ...secrets };
  const database = target.database === null ? null : new URL(target.database);
  const host = hostEnvironment(values, {
    database: database && { host: database.hostname, port: Number(database.port) },
    apiUrl: target.apiUrl,
    modelUrls: Object.fromEntries((await readModels(layout)).map(({ name, url }) => [name, url])),
  });
  return { tag: release, values, secrets: Object.keys(secrets), host };
}
