import { readFile } from "node:fs/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { load } from "js-yaml";
import * as z from "zod";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { readSecretValue } from "../../adapters/kubernetes/secretKeys.ts";
import { messageOf } from "../../domain/errors.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import type { RunnableCombination } from "../../domain/trial/combination.ts";
import { environmentLayout } from "../../local/layout.ts";
import { localStack } from "../../local/localStack.ts";
import { readTarget } from "../../local/target.ts";
import { ownSecret } from "../../plan/secrets.ts";
import { refuse } from "./refusals.ts";

/** Where the values of a trial's secrets are. */
export interface TrialSecretOptions {
  readonly environment: string;
  /** Whose record has the releases. */
  readonly stack: string;
  /** A file with values, of `--secrets`. */
  readonly secrets?: string;
}

type Values = Readonly<Record<string, string>>;

/** Names of the secrets that the models of a combination read. */
function namesOfSecrets({ models }: RunnableCombination): string[] {
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
async function secretsOfEnvironment(
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

/**
 * Values for a combination's secrets: the environment's own where the release is one of it, and those of the file, which win.
 *
 * @param config - that the environment's Secrets are named by
 */
export async function secretValues(
  combination: RunnableCombination,
  config: StackConfig,
  options: TrialSecretOptions,
): Promise<Values> {
  const given = options.secrets === undefined ? {} : await secretsOfFile(options.secrets);
  const names = namesOfSecrets(combination).filter((name) => !(name in given));
  const target =
    names.length > 0 && isOwn(options) ? await readTarget(environmentLayout(options.environment)) : undefined;
  const own = target ? await secretsOfEnvironment(kubeConfigOf(target.kubeconfig), names, config) : {};
  return { ...own, ...given };
}

/** Whether the record is that of an environment of this machine. */
export function isOwn({ stack }: TrialSecretOptions): boolean {
  return stack === localStack && !process.env.MENAGERIE_DATABASE_URL;
}

/** What a sentence about a missing secret says to do. */
export function secretFix({ secrets }: TrialSecretOptions): string {
  return secrets === undefined ? "give it by --secrets FILE" : `add it to ${secrets}`;
}
