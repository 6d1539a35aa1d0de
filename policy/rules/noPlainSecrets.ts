import { containersOf } from "./containers.ts";
import type { DeclaredResource, Rule } from "./rule.ts";
import { at, list } from "./values.ts";

/** Names under which people put secrets into variables. */
const secretName = /(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS)$/i;
const passwordInUrl = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^@\s/]+@/i;

/** Secrets come by secretKeyRef, or as a secret value, which a preview hides and the state encrypts. */
export const noPlainSecrets: Rule = {
  name: "no-plain-secrets",
  description: "No ConfigMap and no container's variable holds a secret as plain text; refer to a Secret's key.",
  violations: (resource) => [...plainVariables(resource), ...plainData(resource)],
};

function plainVariables(resource: DeclaredResource): string[] {
  return containersOf(resource).flatMap(({ name, env }) =>
    list(env).flatMap((variable) => {
      const [key, value] = [String(at(variable, "name")), at(variable, "value")];
      return isPlainSecret(key, value)
        ? [`container ${name}: variable ${key} holds a secret; use valueFrom.secretKeyRef`]
        : [];
    }),
  );
}

function plainData({ type, inputs }: DeclaredResource): string[] {
  if (!/^kubernetes:core\/v1:ConfigMap(Patch)?$/.test(type)) return [];
  const data = at(inputs, "data");
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data)
    .filter(([key, value]) => isPlainSecret(key, value))
    .map(([key]) => `data.${key} holds a secret; put it into a Secret`);
}

/** Text alone; the sentence never holds the value. */
function isPlainSecret(key: string, value: unknown): boolean {
  if (typeof value !== "string" || /^(|true|false|\[secret\])$/.test(value)) return false;
  return secretName.test(key) || passwordInUrl.test(value);
}
