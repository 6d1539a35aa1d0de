import type { EnvironmentDefaults } from "../config/parse.ts";
import { encryptedKeys } from "../config/stackConfig.ts";

/** What `menagerie` and a person's shell tell a stack's program by environment variables. */
export interface ShellVariables {
  /** `MENAGERIE_ENVIRONMENT`: name of the environment, for commands that are printed. */
  readonly environment: string | undefined;
  /** `MENAGERIE_DATABASE_URL`: how this machine reaches the platform's server. */
  readonly databaseUrl: string | undefined;
  /** `MENAGERIE_DATABASE_ADDRESS`: `host:port` of that server, as pods reach it. */
  readonly databaseAddress: string | undefined;
  /** `MENAGERIE_NEW_DATABASE` is "true": tables that the last `up` left may be gone. */
  readonly mayBeginAnew: boolean;
  /** `MENAGERIE_MIGRATION_DATABASE_URL`: the server of `menagerie:migrationTarget`. */
  readonly migrationDatabaseUrl: string | undefined;
  readonly gatewayUrl: string | undefined;
  readonly apiUrl: string | undefined;
  /** Whether this is an embedded environment: it has a build service. */
  readonly embedded: boolean;
  /** That service, as pods reach it. */
  readonly builds: { readonly url: string; readonly token: string } | undefined;
  /** Image store and cache of the embedded environment. */
  readonly buildFolders: { readonly store: string; readonly cache: string } | undefined;
  readonly imageStore: string | undefined;
  /** `MENAGERIE_SENT_HEADS`: file of what `watch` has sent. */
  readonly sentHeads: string | undefined;
  /** `MENAGERIE_DEPLOY_ONLY`: the one development version that this run deploys. */
  readonly only: string | undefined;
  /** `PULUMI_CONFIG_SECRET_KEYS`, the engine's own: which keys of the config are encrypted, as JSON. */
  readonly secretKeys: string | undefined;
  /** All of them: MLflow's client has many names for its credentials. */
  readonly all: Readonly<Record<string, string | undefined>>;
}

export function shellVariables(all: Readonly<Record<string, string | undefined>>): ShellVariables {
  const { MENAGERIE_BUILD_URL: url, MENAGERIE_BUILD_TOKEN: token } = all;
  const { MENAGERIE_IMAGE_STORE: store, MENAGERIE_CACHE: cache } = all;
  return {
    environment: all.MENAGERIE_ENVIRONMENT,
    databaseUrl: all.MENAGERIE_DATABASE_URL,
    databaseAddress: all.MENAGERIE_DATABASE_ADDRESS,
    mayBeginAnew: all.MENAGERIE_NEW_DATABASE === "true",
    migrationDatabaseUrl: all.MENAGERIE_MIGRATION_DATABASE_URL,
    gatewayUrl: all.MENAGERIE_GATEWAY_URL,
    apiUrl: all.MENAGERIE_API_URL,
    embedded: Boolean(url),
    builds: url && token ? { url, token } : undefined,
    buildFolders: store && cache ? { store, cache } : undefined,
    imageStore: store,
    sentHeads: all.MENAGERIE_SENT_HEADS,
    only: all.MENAGERIE_DEPLOY_ONLY,
    secretKeys: all.PULUMI_CONFIG_SECRET_KEYS,
    all,
  };
}

/** What the config need not say, since the shell does. */
export function environmentDefaults(shell: ShellVariables): EnvironmentDefaults {
  const { secretKeys, gatewayUrl, apiUrl, databaseAddress, embedded } = shell;
  return { gatewayUrl, apiUrl, databaseAddress, embedded, secretKeys: encryptedKeys(secretKeys) };
}
