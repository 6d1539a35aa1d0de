/** Where the credentials of a build come from. */
export interface BuildCredentials {
  readonly namespace: string;
  /** @default none */
  readonly credentials?: string | undefined;
}

/**
 * What to do about a build whose log ends with a registry's refusal, as BuildKit tells it; undefined for any other end.
 * Registries word it by the distribution specification's codes UNAUTHORIZED and DENIED, or by the HTTP status alone.
 */
export function registryAdvice(
  log: readonly string[],
  { namespace, credentials }: BuildCredentials,
): string | undefined {
  const refuses =
    /401 Unauthorized|403 Forbidden|authentication required|insufficient_scope|access denied|no basic auth/i;
  if (!log.some((line) => /\b(registry|push|pull|resolve|authori[sz]|fetch)/i.test(line) && refuses.test(line)))
    return undefined;
  if (credentials === undefined) {
    return "a registry wants credentials: make a Secret of type kubernetes.io/dockerconfigjson and name it in menagerie:builds.credentials";
  }
  return `a registry refuses the credentials of Secret ${namespace}/${credentials}: they have expired or may not do this; put valid ones into the Secret and run this again`;
}
