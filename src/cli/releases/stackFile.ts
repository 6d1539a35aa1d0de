import { rename, writeFile } from "node:fs/promises";
import { isEncrypted } from "../../config/ciphers.ts";
import { editStackText } from "../../config/editStackFile.ts";
import { ownConfig, withoutPrefix } from "../../config/ownConfig.ts";
import { prefix } from "../../config/sentences.ts";
import { removeStored, type StoredValue, storedKey, withStoredValues } from "../../config/storedValues.ts";
import { type ConfigEdit, configEdits, type StackConfig } from "../../domain/release/restore.ts";
import { environmentLayout } from "../../local/layout.ts";
import { localStack } from "../../local/localStack.ts";
import { storedValues } from "../../local/stackConfig.ts";
import { environmentSuffix } from "../options.ts";
import { readStack } from "../stackText.ts";

/** A stack's file, whose comments and order stay when its config is changed. */
export interface StackFile {
  readonly path: string;
  /** What the file says: keys of this project, without their prefix. */
  readonly config: StackConfig;
  /** What `up` deploys: the file's, with the values that the environment has stored by `config set`, which win over it. */
  readonly effective: StackConfig;
  /** Makes the file say `config`, by the smallest edits; answers them. Nothing is written where there are none. */
  write(config: StackConfig): Promise<readonly ConfigEdit[]>;
  /** A sentence for each stored value that keeps what `config` says at the keys `which` from being what `up` deploys. */
  overruled(config: StackConfig, which: (key: string) => boolean): string[];
}

/**
 * Reads `Pulumi.<stack>.yaml` of the project, and what environment `environment` has stored where the stack is the local one.
 * @throws OperatorError where there is no such file, or it has mistakes.
 */
export async function readStackFile(stack: string, environment: string): Promise<StackFile> {
  const { path, file, bytes } = await readStack(stack);
  const text = new TextDecoder().decode(bytes);
  const config = ownConfig(text, file);
  const stored = stack === localStack ? await storedValues(environmentLayout(environment)) : [];
  return {
    path,
    config,
    effective: effectiveConfig(config, stored),
    async write(wanted) {
      const edits = configEdits(config, wanted);
      if (edits.length === 0) return edits;
      await writeFile(`${path}.new`, editStackText(text, edits));
      await rename(`${path}.new`, path);
      return edits;
    },
    overruled: (wanted, which) =>
      stored
        .filter(({ path: [key] }) => key.startsWith(prefix) && which(key.slice(prefix.length)))
        .filter((value) => !isEncrypted(value.value))
        .filter((value) => configEdits(wanted, effectiveConfig(wanted, [value])).length > 0)
        .map((value) => overrules(value, environment)),
  };
}

function effectiveConfig(config: StackConfig, stored: readonly StoredValue[]): StackConfig {
  const prefixed = Object.fromEntries(Object.entries(config).map(([key, value]) => [prefix + key, value]));
  return withoutPrefix(withStoredValues(prefixed, stored));
}

function overrules({ path }: StoredValue, environment: string): string {
  const command = `menagerie pulumi${environmentSuffix(environment)} -- ${removeStored(path)}`;
  return `${storedKey(path)}: the value stored by \`config set\` wins over the one in the file; to use the file's, run \`${command}\``;
}
