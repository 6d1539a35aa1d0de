import { findBasePython } from "../adapters/truss/interpreter.ts";
import { pipSettingsForUv } from "../adapters/truss/packageSource.ts";
import { run } from "../adapters/truss/process.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Longer than any pip takes to tell its settings, in milliseconds. */
const withinMs = 30_000;
let known: Promise<Variables> | undefined;

/**
 * The host's variables, with uv's for what pip has in its files and variables: the control server installs with uv, which reads nothing of
 * pip's. uv's own win. Asked once in a process. What it answers may hold a password.
 */
export function packageSettings(host: Variables = process.env): Promise<Variables> {
  known ??= pipSettings(host).then((settings) => ({ ...settings, ...host }));
  return known;
}

async function pipSettings(host: Variables): Promise<Variables> {
  try {
    const signal = AbortSignal.timeout(withinMs);
    const env = { ...host };
    const { executable } = await findBasePython(env, signal);
    return pipSettingsForUv(await run(executable, ["-m", "pip", "config", "list"], { env, signal }));
  } catch {
    // No Python, or one without pip: then pip has no settings either.
    return {};
  }
}

const indexVariables = [
  "UV_DEFAULT_INDEX",
  "UV_INDEX",
  "UV_INDEX_URL",
  "UV_EXTRA_INDEX_URL",
  "UV_FIND_LINKS",
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "PIP_FIND_LINKS",
];

/** `host:port` of each package index that the variables name: the way to it is open to pods, wherever it is. */
export function packageIndexes(variables: Variables): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of indexVariables) {
    for (const item of (variables[name] ?? "").split(/[\s,]+/)) {
      // An index of uv's may have a name: `internal=https://…`.
      const url = URL.parse(item.replace(/^[\w.-]+=(?=https?:)/, ""));
      if (url?.protocol !== "http:" && url?.protocol !== "https:") continue;
      found.add(`${url.hostname}:${url.port || (url.protocol === "http:" ? "80" : "443")}`);
    }
  }
  return found;
}
