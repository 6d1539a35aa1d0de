import { readFile } from "node:fs/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { load } from "js-yaml";
import * as z from "zod";
import { readSecretValue } from "../../adapters/kubernetes/secretKeys.ts";
import { messageOf } from "../../domain/errors.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import type { RunnableCombination } from "../../domain/trial/combination.ts";
import { ownSecret } from "../../plan/secrets.ts";
import { refuse } from "./refusals.ts";

type Values = Readonly<Record<string, string>>;

/** Names of the secrets that the models of a combination read. */
export function namesOfSecrets({ models }: RunnableCombination): string[] {
  return [...new Set(models.flatMap(({ secrets }) => secrets))].sort();
}

/**
 * What a file gives as values of secrets: a YAML or JSON mapping of names to text.
 * @throws OperatorError, which holds no value
 */
export async function secretsOfFile(path: string): Promise<Values> {
  try {
    return z.record(z.string(), z.string()).parse(load(await readFile(path, "utf8")) ?? {});
  } catch (error) {
    // What a parser says may show a value.
    const isFile = (error as NodeJS.ErrnoException).code !== undefined;
    throw refuse("try.secrets-file", {
      path,
      reason: isFile ? messageOf(error) : "it is not a mapping of names to text",
    });
  }
}

/** The values that an environment's models have: those of the stack's own Secret, then of the admin organization's. */
export async function secretsOfEnvironment(
  kubeConfig: KubeConfig,
  names: readonly string[],
  { namespace, adminSecrets }: StackConfig,
): Promise<Values> {
  const place = typeof namespace === "string" ? namespace : "models";
  const holders = [ownSecret, typeof adminSecrets === "string" ? adminSecrets : "admin-organization-secrets"];
  const found: Record<string, string> = {};
  for (const name of names) {
    for (const holder of holders) {
      const value = await readSecretValue(kubeConfig, place, holder, name);
      if (value === undefined) continue;
      found[name] = value;
      break;
    }
  }
  return found;
}
