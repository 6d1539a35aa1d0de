import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { ciphersOf, undecryptable } from "../config/ciphers.ts";
import { decryptedValue, keysNotDecrypted } from "../config/decryption.ts";
import { issuesError } from "../config/issue.ts";
import { readStackText, type StackFileReading } from "../config/stackFile.ts";
import {
  type AfterChanges,
  afterChanges,
  type ConfigChanges,
  configChanges,
  removeStored,
  type StoredValue,
  storedKey,
  withStoredValues,
} from "../config/storedValues.ts";
import { messageOf } from "../domain/errors.ts";
import type { Refusal } from "../domain/refusals/refusal.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { localStack, projectFolder } from "./localStack.ts";
import { refuse } from "./refusals.ts";

/**
 * An environment's config is the checkout's `Pulumi.local.yaml` with the values that `config set` stored for this environment. The
 * engine writes values, salt and provider of secrets into the file that it is given, and the checkout's must hold none of them. So it
 * is given a file of the environment's own, and what it changed there is kept by path.
 */

type Config = Readonly<Record<string, unknown>>;

/** What is kept of an environment's config beside the checkout's file. */
interface Kept {
  /** Salt and provider of secrets, as the engine wrote them. */
  readonly settings: Config;
  readonly stored: readonly StoredValue[];
  /** The config that the engine was given last; null while its file is written. */
  readonly given: Config | null;
}

/** What a command of the engine changed: values stored, stored values removed, and removals that only the checkout's file can have. */
export type KeptChanges = Pick<ConfigChanges, "set"> & Pick<AfterChanges, "forgotten" | "committed">;

/** `Pulumi.local.yaml` of the checkout. */
export const committedFile = `Pulumi.${localStack}.yaml`;

/** The file that the engine reads and writes. */
export function engineConfigFile(layout: EnvironmentLayout): string {
  return join(dirname(layout.pulumi.backend), `Pulumi.${localStack}.yaml`);
}

/** The checkout's file as it is. */
export async function committedBytes(): Promise<Uint8Array> {
  return readFile(join(projectFolder, committedFile)).catch((error: unknown) => {
    throw refuse("stack.committed-unreadable", { committedFile, reason: messageOf(error) }, error);
  });
}

/** The values that `config set` stored for an environment; none where it was never brought up. */
export async function storedValues(layout: EnvironmentLayout): Promise<readonly StoredValue[]> {
  return (await keptConfig(layout)).kept.stored;
}

/** Encrypted values of an environment's config that its passphrase does not open. */
export async function undecryptableValues(layout: EnvironmentLayout, config: Config): Promise<Refusal[]> {
  const { kept } = await keptConfig(layout);
  const passphrase = await readFile(layout.pulumi.passphraseFile, "utf8").catch(() => undefined);
  const salt = kept.settings.encryptionsalt;
  const keys = new Set(await keysNotDecrypted(config, { salt, passphrase: passphrase?.trim() }));
  const stored = new Map(kept.stored.map(({ path }) => [storedKey(path), path]));
  return [...keys].map((key) => {
    const path = stored.get(key);
    return undecryptable(key, path && `menagerie pulumi -e ${layout.name} -- ${removeStored(path)}`);
  });
}

/** `menagerie:migrationTarget.databaseUrl` of an environment, decrypted; undefined where none is stored. A secret. */
export async function storedTargetUrl(layout: EnvironmentLayout): Promise<string | undefined> {
  const { kept } = await keptConfig(layout);
  const found = kept.stored.find(
    ({ path }) => /^(menagerie:)?migrationTarget$/.test(String(path[0])) && path[1] === "databaseUrl",
  );
  const passphrase = await readFile(layout.pulumi.passphraseFile, "utf8").catch(() => undefined);
  if (typeof found?.value === "string") return found.value;
  return decryptedValue(found?.value, { salt: kept.settings.encryptionsalt, passphrase: passphrase?.trim() });
}

/** Writes the file that the engine reads. */
export async function writeEngineConfig(layout: EnvironmentLayout): Promise<void> {
  const { kept } = await keptConfig(layout);
  const reading = readStackText(await committedBytes(), committedFile);
  if (reading.issues.length > 0) throw issuesError(reading.issues);
  const given = withStoredValues(reading.config, kept.stored);
  await write(keptFile(layout), JSON.stringify({ ...kept, given: null }));
  // In quotes, no text is a number or a boolean to any version of YAML.
  const text = dump(
    { ...reading.settings, ...kept.settings, config: given },
    { forceQuotes: true, quoteStyle: "double", lineWidth: -1, noRefs: true },
  );
  await write(engineConfigFile(layout), text);
  await write(keptFile(layout), JSON.stringify({ ...kept, given }));
}

/** Before the engine writes a file of its own in that one's place: what is kept so far stays. */
export async function keepBeforeNewStack(layout: EnvironmentLayout): Promise<void> {
  const { kept } = await keptConfig(layout);
  if (kept.given) await write(keptFile(layout), JSON.stringify({ ...kept, given: null }));
}

/** Keeps what a command of the engine changed in its file. */
export async function keepChanges(layout: EnvironmentLayout): Promise<KeptChanges> {
  const { kept, ...changes } = await keptConfig(layout);
  await write(keptFile(layout), JSON.stringify(kept));
  return changes;
}

/** What is kept, with the changes that the engine made since its file was written. Also after a command that was killed. */
async function keptConfig(layout: EnvironmentLayout): Promise<KeptChanges & { readonly kept: Kept }> {
  const none = { set: [], forgotten: [], committed: [] };
  const last = await readKept(layout);
  const now = await readFile(engineConfigFile(layout)).then(
    (bytes) => readStackText(bytes, engineConfigFile(layout)),
    () => undefined,
  );
  if (!now) return { ...none, kept: last ?? { settings: {}, stored: [], given: null } };
  const settings = aboutSecrets(now.settings);
  if (!last) return { ...none, kept: { settings, stored: await secretsOf(now), given: now.config } };
  // What is no stack file was written by nobody's command.
  if (!last.given || !now.isReadable) {
    return { ...none, kept: { ...last, settings: { ...settings, ...last.settings }, given: null } };
  }
  const changes = configChanges(last.given, now.config);
  const { stored, forgotten, committed } = afterChanges(last.stored, changes);
  return { set: changes.set, forgotten, committed, kept: { settings, stored, given: now.config } };
}

/** Environments of earlier versions kept encrypted values in the engine's file, among a copy of the checkout's. */
async function secretsOf(now: StackFileReading): Promise<StoredValue[]> {
  const committed = readStackText(await committedBytes(), committedFile).config;
  const secret = new Set(ciphersOf(now.config).map(({ cipher }) => cipher));
  return configChanges(committed, now.config).set.filter(({ value }) =>
    secret.has((value as { secure?: unknown }).secure),
  );
}

/** What the engine writes at the file's top; the rest is the checkout's. */
function aboutSecrets({ encryptionsalt, secretsprovider, encryptedkey }: Config): Config {
  const all = Object.entries({ encryptionsalt, secretsprovider, encryptedkey });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

function keptFile(layout: EnvironmentLayout): string {
  return join(dirname(layout.pulumi.backend), "stored.json");
}

async function readKept(layout: EnvironmentLayout): Promise<Kept | undefined> {
  const text = await readFile(keptFile(layout), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
