import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { platformDatabase, type SslMode } from "../platformDatabase.ts";

/** What the `env` ConfigMap of a release says. */
export interface ReleaseEnvironmentSpec {
  readonly tag: string;
  /** Schema of its state. */
  readonly schema: string;
  /** Server as pods reach it. */
  readonly database: { readonly host: string; readonly port: number; readonly sslMode: SslMode };
  /** API service as pods reach it. */
  readonly apiUrl: string;
  readonly models: readonly ReleaseModelAddress[];
}

/** One model of a release. */
export interface ReleaseModelAddress {
  /** As in config, such as `llama_3`. */
  readonly name: string;
  /** Which version it is: `llama_3-v7`, or as its registry writes it, such as `models:/llama/7`. */
  readonly identifier: string;
  /** Where pods predict with it, up to and including `:predict`; null for a model that is served elsewhere. */
  readonly url: string | null;
}

/** What is the same in every release. */
type SharedSpec = Pick<ReleaseEnvironmentSpec, "database" | "apiUrl">;

/** `LLAMA_3` */
export function variableOf(model: string): string {
  return model.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

/**
 * Environment variables that are the same in every release: a pod that has these alone goes on when the release changes. Those of
 * the database are libpq's, so that `psql` and most client libraries need no others.
 */
export function sharedEnvironment({ database, apiUrl }: SharedSpec): Record<string, string> {
  return {
    API_URL: apiUrl,
    PGDATABASE: platformDatabase,
    PGHOST: database.host,
    PGPORT: String(database.port),
    PGSSLMODE: database.sslMode,
  };
}

/**
 * Environment variables of everything that runs in a release, with those that every release has; user and password come from a
 * Secret.
 */
export function releaseEnvironment(spec: ReleaseEnvironmentSpec): Record<string, string> {
  const { tag, schema, models } = spec;
  const values: Record<string, string> = { ...sharedEnvironment(spec), VERSION: tag, DATABASE_SCHEMA: schema };
  for (const { name, identifier, url } of models) {
    values[`${variableOf(name)}_IDENTIFIER`] = identifier;
    if (url !== null) values[`${variableOf(name)}_URL`] = url;
  }
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Who runs in a release. */
export type ReleaseLogin = "service" | "pipeline";

/** Name in Kubernetes of the ConfigMap that every release has. A tag's own begins with it and a dash. */
export const sharedEnvironmentName = "env";

/** Names in Kubernetes of a release's ConfigMap and Secrets. */
export function environmentNames(tag: string): {
  readonly config: string;
  readonly secret: Readonly<Record<ReleaseLogin, string>>;
} {
  const config = `${sharedEnvironmentName}-${kubernetesTag(tag)}`;
  return { config, secret: { service: `${config}-service`, pipeline: `${config}-pipeline` } };
}

/** Of a tag as part of a name in Kubernetes. */
export const longestKubernetesTag = 40;

/** A tag as part of a name in Kubernetes: itself, or where that knows no such name a similar one with a hash. */
export function kubernetesTag(tag: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$/.test(tag) && !/[.-]{2}/.test(tag)) return tag;
  const similar = tag
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 30)
    .replace(/-$/, "");
  return `${similar}-${bytesToHex(sha256(utf8ToBytes(tag))).slice(0, 8)}`;
}
