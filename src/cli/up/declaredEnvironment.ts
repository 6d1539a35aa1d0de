import type { EnvironmentSpec } from "../../config/environment.ts";
import { parseEnvironment } from "../../config/parse.ts";
import { prefix } from "../../config/sentences.ts";
import { stackConfig } from "../../config/stackConfig.ts";
import { holdsSecret, localConfig } from "../../local/engine.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { addresses, ports } from "../../local/network/addresses.ts";

/** Stands for what only a running environment or its passphrase can tell. */
const unknown = { gatewayUrl: "http://127.0.0.1", secret: "[secret]" };

/**
 * What the stack of an environment declares, parsed as its program does it and before anything is brought up: a mistake costs no
 * minutes. Throws one `badInput` with a line per mistake. The gateway's address and the values of secrets are made up.
 */
export async function declaredEnvironment(
  layout: EnvironmentLayout,
  target: "embedded" | "existing",
): Promise<EnvironmentSpec> {
  const { config } = ((await localConfig(layout)).toJS() ?? {}) as {
    config?: Readonly<Record<string, unknown>> | null;
  };
  const entries = Object.entries(config ?? {}).filter(([, value]) => value !== null);
  const database = process.env.MENAGERIE_DATABASE_ADDRESS;
  return parseEnvironment(stackConfig(Object.fromEntries(entries.map(([key, value]) => [key, asEngineGives(value)]))), {
    gatewayUrl: unknown.gatewayUrl,
    databaseAddress: target === "embedded" ? `${addresses.host}:${ports.postgres}` : database,
    secretKeys: entries.flatMap(([key, value]) => (key.startsWith(prefix) && holdsSecret(value) ? [key] : [])),
    stackFile: Object.fromEntries(entries),
  });
}

/** The engine gives every value as text, structured ones as JSON, secrets in the clear. */
function asEngineGives(value: unknown): string {
  const shown = withoutCiphers(value);
  return typeof shown === "object" ? JSON.stringify(shown) : String(shown);
}

function withoutCiphers(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutCiphers);
  if ("secure" in value && typeof value.secure === "string") return unknown.secret;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutCiphers(inner)]));
}
