import type { KubeConfig } from "@kubernetes/client-node";
import { type LoginSource, loginsIn, parseDockerConfig } from "../images/registryLogins.ts";
import { readIfThere } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 5_000;
/** Key of a Secret of type `kubernetes.io/dockerconfigjson`. */
const dockerConfigKey = ".dockerconfigjson";

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Registry logins of a cluster, which its nodes pull and its builds push with: the Secret `builds`, and those that pods of
 * `namespace` get by its account `default`. Read when a registry asks for a login, and once.
 */
export function clusterLogins(
  config: () => Promise<KubeConfig>,
  { namespace, builds }: { readonly namespace: string; readonly builds: SecretName | undefined },
): LoginSource[] {
  let read: Promise<readonly SecretName[]> | undefined;
  const pullSecrets = () => {
    read ??= config().then((found) => pullSecretsOf(found, namespace));
    return read;
  };
  const ofSecrets = (name: string, names: () => Promise<readonly SecretName[]>): LoginSource => ({
    name,
    async logins(host, repository) {
      const configs = await Promise.all((await names()).map(async (each) => readSecret(await config(), each)));
      return configs.flatMap((each) => (each ? loginsIn(each, host, repository) : []));
    },
  });
  return [
    ...(builds ? [ofSecrets(`Secret ${builds.name} in namespace ${builds.namespace}`, async () => [builds])] : []),
    ofSecrets(`the pull secrets of ServiceAccount default in namespace ${namespace}`, pullSecrets),
  ];
}

async function pullSecretsOf(config: KubeConfig, namespace: string): Promise<readonly SecretName[]> {
  const account = await readIfThere<{ imagePullSecrets?: readonly { name?: string }[] }>(
    config,
    `/api/v1/namespaces/${namespace}/serviceaccounts/default`,
    soon(),
  );
  return (account?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [{ namespace, name }] : []));
}

async function readSecret(config: KubeConfig, name: SecretName) {
  return loginsOf(await readIfThere<{ data?: Record<string, string> }>(config, secretPath(name), soon()));
}

const secretPath = ({ namespace, name }: SecretName): string =>
  `/api/v1/namespaces/${namespace}/secrets/${encodeURIComponent(name)}`;

function loginsOf(secret: { data?: Record<string, string> } | undefined) {
  const encoded = secret?.data?.[dockerConfigKey];
  return encoded === undefined ? undefined : parseDockerConfig(Buffer.from(encoded, "base64").toString("utf8"));
}

/** The login sources of a pod: the Secrets that it names, which its account may have put there. `read` is as its node may. */
export function podLogins(
  names: readonly SecretName[],
  read: (path: string) => Promise<{ data?: Record<string, string> } | undefined>,
): LoginSource[] {
  return names.map((each) => ({
    name: `Secret ${each.name} in namespace ${each.namespace}`,
    async logins(host, repository) {
      const found = loginsOf(await read(secretPath(each)));
      return found ? loginsIn(found, host, repository) : [];
    },
  }));
}

const soon = () => ({ signal: AbortSignal.timeout(patience) });
