import { prefix } from "./sentences.ts";

/**
 * The keys of this project in a stack's config, without their prefix. The engine passes every value as text and
 * structured ones as JSON, so a mapping or list is what starts as one; all scalars at this level are text.
 */
export function stackConfig(all: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), /^\s*[[{]/.test(value) ? structured(value) : value]),
  );
}

function structured(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Values of `menagerie:secrets` by name, in the clear: wrap them before they go anywhere. */
export function secretValues(all: Readonly<Record<string, string>>): Record<string, string> {
  const value = all[`${prefix}secrets`];
  return value === undefined ? {} : (structured(value) as Record<string, string>);
}

/** `menagerie:prometheus.bearerToken`, in the clear: wrap it before it goes anywhere. */
export function prometheusToken(all: Readonly<Record<string, string>>): string | undefined {
  const value = all[`${prefix}prometheus`];
  const given = value === undefined ? {} : structured(value);
  return typeof given === "object" && given !== null ? (given as { bearerToken?: string }).bearerToken : undefined;
}

/** Urls of `menagerie:migrationTarget`, in the clear: wrap them before they go anywhere. */
export interface MigrationTargetUrls {
  readonly databaseUrl?: string;
  readonly guardUrl?: string;
}

export function migrationTargetUrls(all: Readonly<Record<string, string>>): MigrationTargetUrls {
  const value = all[`${prefix}migrationTarget`];
  const target = value === undefined ? {} : structured(value);
  return typeof target === "object" && target !== null ? (target as MigrationTargetUrls) : {};
}

/**
 * Keys that the stack file holds encrypted, wholly or in part.
 *
 * @param variable - `PULUMI_CONFIG_SECRET_KEYS`, by which the engine's language host tells them, and the SDK does not.
 */
export function encryptedKeys(variable: string | undefined): readonly string[] | undefined {
  if (!variable) return undefined;
  return JSON.parse(variable) as string[];
}

/** Keys whose values are secret whatever the engine says of them. */
const alwaysSecret = new Set(["secrets", "databasePassword", "migrationTarget", "prometheus"]);

/**
 * The keys of this project without those that hold a secret, in the order of their names: what the record of a deployment
 * keeps of a stack's config.
 *
 * @param secretKeys - keys that the engine holds encrypted; undefined where nobody knows, and nothing is kept
 */
export function publicConfig(
  all: Readonly<Record<string, string>>,
  secretKeys: readonly string[] | undefined,
): Record<string, unknown> {
  if (!secretKeys) return {};
  const encrypted = new Set(secretKeys.map((key) => key.slice(prefix.length)));
  return Object.fromEntries(
    Object.entries(stackConfig(all))
      .filter(([key]) => !alwaysSecret.has(key) && !encrypted.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
