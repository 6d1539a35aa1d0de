import { isMapping } from "../domain/mapping.ts";
import { isCipher } from "./ciphers.ts";
import { keyPath, prefix } from "./sentences.ts";

type Config = Readonly<Record<string, unknown>>;

/** A value that `pulumi config set` stored for one environment, beside the committed stack file. */
export interface StoredValue {
  /** The key with its namespace, then the keys below it. Lists are stored as a whole. */
  readonly path: readonly [string, ...string[]];
  /** `{secure: …}` where it is encrypted. */
  readonly value: unknown;
}

/** What a command of the engine changed in the config that it was given. */
export interface ConfigChanges {
  readonly set: readonly StoredValue[];
  /** The uppermost paths that are gone. */
  readonly removed: readonly StoredValue["path"][];
}

/** The changes from `given` to `now`, by path. */
export function configChanges(given: Config, now: Config): ConfigChanges {
  const before = leaves(given);
  const after = leaves(now);
  return {
    set: [...after.values()].filter(({ path, value }) => {
      const known = before.get(id(path));
      return !(known && isSame(known.value, value)) && !isEmptied(path, value, given);
    }),
    removed: uppermost([...before.values()].flatMap(({ path }) => goneFrom(now, path))),
  };
}

/** The shortest part of `path` that leads nowhere in `config`. */
function goneFrom(config: Config, path: StoredValue["path"]): StoredValue["path"][] {
  const at = path.findIndex((_, index) => valueAt(config, path.slice(0, index + 1)) === undefined);
  return at < 0 ? [] : [path.slice(0, at + 1) as [string, ...string[]]];
}

function uppermost(paths: readonly StoredValue["path"][]): StoredValue["path"][] {
  return [...new Map(paths.map((path) => [id(path), path])).values()];
}

/** A mapping whose last key was removed: the removal says it already. */
function isEmptied(path: StoredValue["path"], value: unknown, given: Config): boolean {
  return isMapping(value) && Object.keys(value).length === 0 && isMapping(valueAt(given, path));
}

/** What is stored after `changes`. */
export interface AfterChanges {
  readonly stored: readonly StoredValue[];
  /** Removed paths that had a stored value, there or below. */
  readonly forgotten: readonly StoredValue["path"][];
  /** Removed paths that only the committed file has. */
  readonly committed: readonly StoredValue["path"][];
}

/** A new value replaces what was stored at, above and below its path; a removal removes what was stored at and below it. */
export function afterChanges(stored: readonly StoredValue[], { set, removed }: ConfigChanges): AfterChanges {
  const gone = [...removed, ...set.map(({ path }) => path)];
  const isStored = (path: StoredValue["path"]): boolean => stored.some((each) => touches(each.path, path));
  // A mapping that a scalar replaced is no removal.
  const alone = removed.filter((path) => !set.some((each) => touches(each.path, path)));
  const kept = stored.filter(({ path }) => !gone.some((each) => touches(path, each)));
  return {
    stored: [...kept, ...set].sort(byPath),
    forgotten: alone.filter(isStored),
    committed: alone.filter((path) => !isStored(path)),
  };
}

/** The config in which stored values win. */
export function withStoredValues(config: Config, stored: readonly StoredValue[]): Record<string, unknown> {
  const result = structuredClone(config) as Record<string, unknown>;
  for (const { path, value } of stored) {
    let at = result;
    for (const key of path.slice(0, -1)) {
      const below = at[key];
      // A ciphertext is one value, not a mapping.
      const next: Record<string, unknown> =
        isMapping(below) && !isCipher(below) ? (below as Record<string, unknown>) : {};
      at[key] = next;
      at = next;
    }
    at[path.at(-1) as string] = structuredClone(value);
  }
  return result;
}

/** A path as sentences name keys, and as `pulumi config rm --path` takes it. */
export function storedKey([key, ...below]: StoredValue["path"]): string {
  if (key.startsWith(prefix)) return keyPath([key.slice(prefix.length), ...below]);
  return key + keyPath(["", ...below]).slice(prefix.length);
}

/** The command that removes a stored value. */
export function removeStored(path: StoredValue["path"]): string {
  return path.length === 1 ? `config rm ${storedKey(path)}` : `config rm --path '${storedKey(path)}'`;
}

function leaves(config: Config): Map<string, StoredValue> {
  const found = new Map<string, StoredValue>();
  const walk = (path: StoredValue["path"], value: unknown): void => {
    if (!isMapping(value) || isCipher(value) || Object.keys(value).length === 0) {
      found.set(id(path), { path, value });
      return;
    }
    for (const [key, inner] of Object.entries(value)) walk([...path, key], inner);
  };
  for (const [key, value] of Object.entries(config)) walk([key], value);
  return found;
}

function valueAt(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), config);
}

/** Whether one path is the other, or lies below it. */
function touches(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((key, index) => key === b[index]);
}

function id(path: readonly string[]): string {
  return JSON.stringify(path);
}

function byPath(a: StoredValue, b: StoredValue): number {
  return id(a.path) < id(b.path) ? -1 : 1;
}

/** The engine writes scalars at the top as text, whatever they were. */
function isSame(a: unknown, b: unknown): boolean {
  const asText = (value: unknown): string =>
    JSON.stringify(value, (_, inner) => (typeof inner === "object" ? inner : String(inner)));
  return asText(a) === asText(b);
}
