import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { ciphersOf, undecryptable } from "../config/ciphers.ts";
import { decryptedValue, keysNotDecrypted } from "../config/decryption.ts";
import { issuesError } from "../config/issue.ts";
import { readStackText } from "../config/stackFile.ts";
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
import { localStack } from "./localStack.ts";
import { checkoutProgram, committedPath, isCheckout, type Program } from "./program.ts";
import { type ProgramStackFile, readProgramStack } from "./programStackFile.ts";
import { refuse } from "./refusals.ts";

/**
 * An environment's config is the checkout's `Pulumi.local.yaml` with the values that `config set` stored for this environment. The
 * engine writes values, salt and provider of secrets into the file that it is given, and the checkout's must hold none of them. So it
 * is given a file of the environment's own, and what it changed there is kept by path. Programs of others that run in the environment
 * have such a file each.
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

/** Name of the file that a program's config is committed in. */
export const committedFile = `Pulumi.${localStack}.yaml`;

/** The file that the engine reads and writes. */
export function engineConfigFile(layout: EnvironmentLayout, program: Program = checkoutProgram()): string {
  return join(configFolder(layout, program), committedFile);
}

function configFolder(layout: EnvironmentLayout, program: Program): string {
  const own = dirname(layout.pulumi.backend);
  return isCheckout(program) ? own : join(own, "programs", program.project);
}

/** The committed file of the checkout as it is. */
export async function committedBytes(): Promise<Uint8Array> {
  return readFile(committedPath(checkoutProgram())).catch((error: unknown) => {
    throw refuse("stack.committed-unreadable", { committedFile, reason: messageOf(error) }, error);
  });
}

/** The values that `config set` stored for an environment; none where it was never brought up. */
export async function storedValues(layout: EnvironmentLayout, program?: Program): Promise<readonly StoredValue[]> {
  return (await keptConfig(layout, program)).kept.stored;
}

/** Encrypted values of an environment's config that its passphrase does not open. */
export async function undecryptableValues(
  layout: EnvironmentLayout,
  config: Config,
  program?: Program,
): Promise<Refusal[]> {
  const { kept } = await keptConfig(layout, program);
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
export async function writeEngineConfig(
  layout: EnvironmentLayout,
  program: Program = checkoutProgram(),
): Promise<void> {
  const { kept } = await keptConfig(layout, program);
  const { config, settings } = await committedConfig(program);
  const given = withStoredValues(config, kept.stored);
  await write(keptFile(layout, program), JSON.stringify({ ...kept, given: null }));
  // In quotes, no text is a number or a boolean to any version of YAML.
  const text = dump(
    { ...settings, ...kept.settings, config: given },
    { forceQuotes: true, quoteStyle: "double", lineWidth: -1, noRefs: true },
  );
  await write(engineConfigFile(layout, program), text);
  await write(keptFile(layout, program), JSON.stringify({ ...kept, given }));
}

/** The config of a program of others, as its engine is given it. */
export async function programConfig(layout: EnvironmentLayout, program: Program): Promise<Config> {
  const { config } = await committedConfig(program);
  return withStoredValues(config, await storedValues(layout, program)) ?? {};
}

/** What a program's committed file says; nothing where a program of others has none. */
async function committedConfig(program: Program): Promise<Pick<ProgramStackFile, "config" | "settings">> {
  if (isCheckout(program)) {
    const reading = readStackText(await committedBytes(), committedFile);
    if (reading.issues.length > 0) throw issuesError(reading.issues);
    return reading;
  }
  const file = committedPath(program);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw refuse("program.stack-file-unreadable", { file, reason: messageOf(error) }, error);
  });
  const reading = readProgramStack(text, program.project);
  if (!reading.isReadable) {
    throw refuse("program.stack-file-unreadable", { file, reason: "it is not YAML with a mapping `config`" });
  }
  return reading;
}

/** Before the engine writes a file of its own in that one's place: what is kept so far stays. */
export async function keepBeforeNewStack(layout: EnvironmentLayout, program: Program): Promise<void> {
  const { kept } = await keptConfig(layout, program);
  if (kept.given) await write(keptFile(layout, program), JSON.stringify({ ...kept, given: null }));
}

/** Keeps what a command of the engine changed in its file. */
export async function keepChanges(
  layout: EnvironmentLayout,
  program: Program = checkoutProgram(),
): Promise<KeptChanges> {
  const { kept, ...changes } = await keptConfig(layout, program);
  await write(keptFile(layout, program), JSON.stringify(kept));
  return changes;
}

/** What is kept, with the changes that the engine made since its file was written. Also after a command that was killed. */
async function keptConfig(
  layout: EnvironmentLayout,
  program: Program = checkoutProgram(),
): Promise<KeptChanges & { readonly kept: Kept }> {
  const none = { set: [], forgotten: [], committed: [] };
  const last = await readKept(layout, program);
  const now = await writtenByEngine(engineConfigFile(layout, program), program);
  if (!now) return { ...none, kept: last ?? { settings: {}, stored: [], given: null } };
  const settings = aboutSecrets(now.settings);
  if (!last) {
    const stored = isCheckout(program) ? await secretsOf(now) : [];
    return { ...none, kept: { settings, stored, given: now.config } };
  }
  // What is not a stack file was written by nobody's command.
  if (!last.given || !now.isReadable) {
    return { ...none, kept: { ...last, settings: { ...settings, ...last.settings }, given: null } };
  }
  const changes = configChanges(last.given, now.config);
  const { stored, forgotten, committed } = afterChanges(last.stored, changes);
  return { set: changes.set, forgotten, committed, kept: { settings, stored, given: now.config } };
}

/** The file as the engine left it; undefined where it never had one. */
async function writtenByEngine(path: string, program: Program): Promise<ProgramStackFile | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes) return undefined;
  return isCheckout(program) ? readStackText(bytes, path) : readProgramStack(bytes.toString(), program.project);
}

/** Environments of earlier versions kept encrypted values in the engine's file, among a copy of the checkout's. */
async function secretsOf(now: ProgramStackFile): Promise<StoredValue[]> {
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

function keptFile(layout: EnvironmentLayout, program: Program): string {
  return join(configFolder(layout, program), "stored.json");
}

async function readKept(layout: EnvironmentLayout, program: Program): Promise<Kept | undefined> {
  const text = await readFile(keptFile(layout, program), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
