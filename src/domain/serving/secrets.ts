/** Keys of one Kubernetes Secret that a model sees. */
export interface SecretSource {
  /** Name of the Secret, in the model's namespace. */
  readonly secret: string;
  readonly keys: readonly string[];
}

/**
 * Folder where the truss server looks for secrets, one file each. It reads a file at each look-up, so a changed value
 * reaches a running model (truss 0.18.35, `secrets_resolver.py`).
 */
const secretsFolder = "/secrets";

const volumeName = "secrets";

/** The pod's part: each secret that the model's truss names, and no other. */
export function podSecrets(sources: readonly SecretSource[] = []) {
  if (sources.length === 0) return {};
  const parts = sources.map(({ secret, keys }) => ({
    secret: { name: secret, items: [...keys].sort().map((key) => ({ key, path: key })) },
  }));
  return { volumes: [{ name: volumeName, projected: { sources: parts } }] };
}

/** The container's part. */
export function containerSecrets(sources: readonly SecretSource[] = []) {
  if (sources.length === 0) return {};
  return { volumeMounts: [{ name: volumeName, mountPath: secretsFolder, readOnly: true }] };
}

/** Where the secrets that models need may be. */
export interface SecretHolders {
  /** Secret that the stack makes, with those that its config holds. */
  readonly own: SecretSource;
  /** The admin organization's existing Secret; undefined where there is none. */
  readonly existing: SecretSource | undefined;
}

/** Finds each of `names`; those of the stack's own config win. */
export function locateSecrets(
  names: readonly string[],
  { own, existing }: SecretHolders,
): { readonly sources: readonly SecretSource[]; readonly missing: readonly string[] } {
  const left = names.filter((name) => !own.keys.includes(name));
  const found = [
    { secret: own.secret, keys: names.filter((name) => own.keys.includes(name)) },
    { secret: existing?.secret ?? "", keys: left.filter((name) => existing?.keys.includes(name)) },
  ];
  return {
    sources: found.filter(({ keys }) => keys.length > 0),
    missing: left.filter((name) => !existing?.keys.includes(name)),
  };
}
