import { prefix } from "../../config/sentences.ts";
import { readStackText } from "../../config/stackFile.ts";
import { withStoredValues } from "../../config/storedValues.ts";
import type { DeclaredModels } from "../../domain/preview/removals.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { committedBytes, committedFile, storedValues } from "../../local/stackConfig.ts";

/** Names of the models in a stack's config, keys with their prefix, as written: the program checks what they say. */
export function declaredIn(config: Readonly<Record<string, unknown>>): DeclaredModels {
  const names = (key: string): string[] => {
    const value = config[prefix + key];
    return typeof value === "object" && value !== null ? Object.keys(value) : [];
  };
  return { zoo: names("zoo"), development: names("development"), shadows: names("shadows") };
}

/** The config of an environment, as its engine is given it. */
export async function environmentConfig(layout: EnvironmentLayout): Promise<Readonly<Record<string, unknown>>> {
  const { config } = readStackText(await committedBytes(), committedFile);
  return withStoredValues(config, await storedValues(layout)) ?? {};
}
