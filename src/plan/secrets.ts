import type { EnvironmentSpec } from "../config/environment.ts";
import { secretName, setSecretCommand } from "../config/secrets.ts";
import { keyPath } from "../config/sentences.ts";
import { shadowedModels } from "../config/shadowRules.ts";
import { clauseOf, type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { locateSecrets, type SecretSource } from "../domain/serving/secrets.ts";

/** Name of the Secret that the stack makes of its config. */
export const ownSecret = "menagerie-secrets";

/** Reads the keys of a Secret, never its values; undefined where there is none. */
export type ReadSecretKeys = (namespace: string, name: string) => Promise<readonly string[] | undefined>;

/** A version that is served, and the secrets that its truss names. */
export interface SecretUser {
  /**
   * Its key in the config.
   * @default that of the zoo model
   */
  readonly path?: readonly string[];
  /** Name of its model in the config. */
  readonly model: string;
  /** Name of its InferenceService. */
  readonly service: string;
  readonly serving: { readonly truss: string; readonly secrets: readonly string[] };
}

/**
 * Where the secrets of each served version come from, by name of its InferenceService. The cluster is asked only where a truss names a secret that the stack's
 * config does not hold.
 * @throws one `OperatorError` with a sentence for each secret that is nowhere: its name, and the command that sets it.
 */
export async function planSecrets(
  spec: SecretSpec,
  served: readonly SecretUser[],
  readKeys: ReadSecretKeys,
): Promise<Map<string, readonly SecretSource[]>> {
  const elsewhere = served.some(({ serving }) => serving.secrets.some((name) => !spec.secrets.includes(name)));
  const keys = elsewhere ? await existingKeys(spec, readKeys) : undefined;
  return placedSecrets(spec, served, keys);
}

type SecretSpec = Pick<EnvironmentSpec, "secrets" | "adminSecrets" | "namespace">;

/**
 * The same, once the keys of the cluster's own Secret are known.
 * @param keys - undefined where there is no such Secret
 * @param command - what gives a secret a value; default: that of the stack's config
 */
export function placedSecrets(
  { namespace, adminSecrets, secrets }: SecretSpec,
  served: readonly SecretUser[],
  keys: readonly string[] | undefined,
  command: (name: string) => string = setSecretCommand,
): Map<string, readonly SecretSource[]> {
  const own: SecretSource = { secret: ownSecret, keys: secrets };
  const existing = keys && { secret: adminSecrets, keys };
  const plan = new Map<string, readonly SecretSource[]>();
  const issues: Refusal[] = [];
  for (const { path, model, service, serving } of served) {
    const { truss, secrets: names } = serving;
    if (names.length === 0) continue;
    const { sources, missing } = locateSecrets(names, { own, existing });
    plan.set(service, sources);
    for (const name of missing) {
      const key = keyPath(path ?? ["zoo", model]);
      const named = { folder: truss, name: JSON.stringify(name) };
      issues.push(
        secretName.test(name)
          ? refusal("secrets.not-in-the-cluster", key, {
              ...named,
              secret: adminSecrets,
              namespace,
              command: command(name),
              absent: existing ? "" : ", for it does not exist",
            })
          : refusal("secrets.bad-name", key, named),
      );
    }
  }
  if (issues.length > 0) throw refused(issues);
  return plan;
}

/** Every version that the environment serves, as the user of secrets that it is. */
export function secretUsers(
  { development, shadows }: Pick<EnvironmentSpec, "development" | "shadows">,
  zoo: ReadonlyMap<string, { readonly name: string; readonly versions: readonly SecretUser[] }>,
  secretsOf: (truss: string) => readonly string[],
): SecretUser[] {
  return [
    ...[...zoo.values()].flatMap(({ name, versions }) => versions.map((version) => ({ ...version, model: name }))),
    ...Object.entries(development).map(([model, { truss }]) => ({
      path: ["development", model],
      model,
      service: model,
      serving: { truss, secrets: secretsOf(truss) },
    })),
    ...shadowedModels(shadows).map(({ path, service, model: { truss } }) => ({
      path,
      model: service,
      service,
      serving: { truss, secrets: secretsOf(truss) },
    })),
  ];
}

/** Keys of the cluster's own Secret; undefined where there is none. */
export async function existingKeys({ namespace, adminSecrets: name }: SecretSpec, readKeys: ReadSecretKeys) {
  try {
    return await readKeys(namespace, name);
  } catch (error) {
    const { problem: reason, fix } = clauseOf(error);
    throw refused(
      refusal("secrets.unreadable", keyPath(["adminSecrets"]), { secret: name, namespace, reason, fix }),
      error,
    );
  }
}
