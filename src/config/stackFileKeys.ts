import manifest from "../../package.json" with { type: "json" };
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { alternatives, show } from "./fields.ts";
import { prefix } from "./sentences.ts";
import { closest } from "./suggest.ts";

/** What a stack file has at its top (https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/). */
export const topLevelKeys = ["config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment"] as const;

const own = prefix.slice(0, -1);
/** Packages of the SDK that are no providers. */
const noProviders = new Set(["pulumi", "policy"]);

/** Providers that the project's package.json declares, by their namespaces in config. */
const providers = Object.keys({ ...manifest.peerDependencies, ...manifest.dependencies })
  .map((name) => /^@pulumi\/(.+)$/.exec(name)?.[1])
  .filter((name) => name !== undefined && !noProviders.has(name)) as string[];

/** Namespaces that config keys may have; the engine itself reads `pulumi:`. */
export const namespaces: readonly string[] = [own, ...providers, "pulumi"];

/** A config key in one of the ways that the engine reads it. */
export interface ConfigKey {
  readonly namespace: string;
  readonly name: string;
}

/** `zoo`, `menagerie:zoo` and `menagerie:config:zoo` are the same key; undefined for what the engine does not read as a key. */
export function configKey(written: string): ConfigKey | undefined {
  const [namespace, name] = /^[^:]*$/.test(written)
    ? [own, written]
    : (/^([^:]+):(?:config:)?([^:]+)$/.exec(written)?.slice(1) ?? []);
  return namespace && name ? { namespace, name } : undefined;
}

export function isOwn({ namespace }: ConfigKey): boolean {
  return namespace === own;
}

/** Why a key at the file's top is refused, and which one was meant. */
export function topLevelIssue(key: string): { readonly issue: Refusal; readonly meant?: string } {
  const meant = closest(key, topLevelKeys);
  if (meant) return { issue: refusal("file.key-unknown", key, { change: `did you mean ${show(meant)}?` }), meant };
  const below = configKey(key);
  if (below && namespaces.includes(below.namespace) && key.includes(":")) {
    return { issue: refusal("file.key-misplaced", key) };
  }
  const change = `a stack file has ${alternatives(topLevelKeys)} at its top`;
  return { issue: refusal("file.key-unknown", key, { change }) };
}

/** Why a key with a namespace that nothing here has is refused, and which namespace was meant. */
export function namespaceIssue(
  key: string,
  { namespace, name }: ConfigKey,
): { readonly issue: Refusal; readonly meant?: string } {
  const meant = closest(namespace, namespaces);
  if (meant) {
    const change = `did you mean ${show(`${meant}:${name}`)}?`;
    return { issue: refusal("config.namespace-unknown", key, { change }), meant };
  }
  const change = `use ${alternatives(namespaces)}, or add the provider's package to package.json`;
  return { issue: refusal("config.namespace-unknown", key, { change }) };
}
