import { z } from "zod";
import { maskedText } from "../credentials/maskedText.ts";
import { keepRecent } from "../recentlyUsed.ts";
import { refused } from "../refusals/refusal.ts";
import { libraryConfig } from "./library/config.ts";
import type { Issue } from "./library/fieldTypes.ts";
import { exactJson, looseJson, NotInJson, PyMapping, type PyValue, pythonText } from "./pyValue.ts";
import { PyYamlError, readPyYaml } from "./pyyaml.ts";
import { refusal, refuse } from "./refusals.ts";

/** File at the root of every truss. */
export const configFilename = "config.yaml";

const folderName = z.string().refine((path) => isInside(path), {
  error: "must be a relative path inside the truss",
});

const externalDataItem = z.looseObject({
  url: z.string(),
  /** Below the data folder. */
  local_data_path: folderName,
  backend: z.string(),
  name: z.string().nullish(),
});

/**
 * Keys of config.yaml that Menagerie reads, and what it asks of them beyond the library; all other keys pass through. Types and
 * defaults are the library's, which come first.
 */
const schema = z.looseObject({
  model_name: z.string().nullish(),
  description: z.string().nullish(),
  model_module_dir: folderName,
  model_class_filename: z.string(),
  model_class_name: z.string(),
  data_dir: folderName,
  bundled_packages_dir: folderName,
  external_package_dirs: z.array(z.string()),
  requirements: z.array(z.string()),
  requirements_file: folderName.nullish(),
  system_packages: z.array(z.string()),
  build_commands: z.array(z.string()),
  environment_variables: z.record(z.string(), z.string()),
  secrets: z.record(z.string(), z.string().nullable()),
  python_version: z.string(),
  resources: z.looseObject({
    cpu: z.string(),
    memory: z.string(),
    accelerator: z.string().nullish(),
    use_gpu: z.boolean().nullish(),
  }),
  external_data: z.array(externalDataItem).nullish(),
  live_reload: z.boolean(),
  use_control_plane: z.boolean().default(false),
});

/** A parsed config.yaml, with every default. */
export type TrussConfig = z.infer<typeof schema>;

interface Parsed {
  readonly config: TrussConfig;
  readonly library: PyMapping;
}

/** Texts that were parsed last, the one that was used longest ago first: each save of a truss brings the same one again. */
const parsed = new Map<string, Parsed>();
const keptTexts = 16;

/**
 * Parses the text of a config.yaml as the truss library does: YAML as PyYAML reads it, values as the library's types make them.
 * Unknown keys are kept: the format is the library's and grows with it. The answer is frozen, for others get the same.
 *
 * @param file - how errors name the file.
 * @throws OperatorError with the file, and for each mistake the key, the value and what it must be, in the library's words.
 */
export function parseTrussConfig(text: string, file: string = configFilename): TrussConfig {
  return parse(text, file).config;
}

/**
 * The whole config that a config.yaml means, as a config patch carries it; or why JSON cannot carry it, as for `.inf`.
 * @throws OperatorError as {@link parseTrussConfig}.
 */
export function configForPatch(
  text: string,
): { readonly config: Record<string, unknown> } | { readonly reason: string } {
  const { library } = parse(text, configFilename);
  const trtLlm = library.get("trt_llm");
  if (trtLlm !== null && trtLlm !== undefined) return { reason: "trt_llm: a patch cannot carry its defaults" };
  try {
    return { config: exactJson(library) as Record<string, unknown> };
  } catch (error) {
    if (error instanceof NotInJson)
      return { reason: `${error.path.join(".")}: ${error.message}, of which patches consist` };
    throw error;
  }
}

function parse(text: string, file: string): Parsed {
  const found = parsed.get(text) ?? validate(readMapping(text, file), file);
  keepRecent(parsed, text, found, keptTexts);
  return found;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}

function readMapping(text: string, file: string): PyMapping {
  let raw: PyValue;
  try {
    raw = readPyYaml(text);
  } catch (error) {
    if (!(error instanceof PyYamlError)) throw error;
    const at = error.line === undefined ? "" : ` line ${error.line}`;
    throw refuse("truss.config-not-yaml", { file, at, reason: maskedText(error.message) }, error);
  }
  // As Python's `or {}`.
  if (raw === null || raw === false || raw === "" || raw === 0n) return new PyMapping();
  if (raw instanceof PyMapping) return raw;
  throw refuse("truss.config-not-a-mapping", { file, raw: shown(raw) });
}

function validate(raw: PyMapping, file: string): Parsed {
  const { config: library, issues } = libraryConfig(raw);
  if (issues.length > 0) {
    throw refused(
      issues.map((issue) => refusal("truss.config-value", null, { problem: libraryIssue(file, issue), fix: "" })),
    );
  }
  const json = looseJson(library);
  const result = schema.safeParse(json);
  if (!result.success) {
    const lines = result.error.issues.map(({ path, message }) =>
      issueLine(file, path, shortened(JSON.stringify(valueAt(json, path)) ?? "nothing"), message),
    );
    throw refused(lines.map((line) => refusal("truss.config-value", null, { problem: line, fix: "" })));
  }
  return { config: frozen(result.data), library };
}

/** Where the library refuses a mapping as a whole, its content would only be in the way. */
function libraryIssue(file: string, { path, value, message }: Issue): string {
  const said = maskedText(message.replace(/^Value error, /, ""));
  if (!(value instanceof PyMapping)) return issueLine(file, path, shown(value), said);
  return path.length === 0 ? `${file}: ${said}` : `${file}: ${path.join(".")}: ${said}`;
}

/** Keys whose values may be secrets. */
const hiddenBelow = new Set<PropertyKey>(["environment_variables", "secrets"]);

function issueLine(file: string, path: readonly PropertyKey[], value: string, message: string): string {
  const shown = hiddenBelow.has(path[0] ?? "") ? "" : `${value}: `;
  return `${file}: ${path.join(".") || "config"}: ${shown}${message}`;
}

/** A control truss runs the control server, which patches it in place. Either key marks one; see facts on truss 0.18.35. */
export function isControlTruss(config: TrussConfig): boolean {
  return config.live_reload || config.use_control_plane;
}

/** Packages of `system_packages`, whose items may name several, separated by blanks. */
export function systemPackages(config: TrussConfig): string[] {
  return [...new Set(config.system_packages.flatMap((line) => line.trim().split(/\s+/)).filter(Boolean))];
}

function isInside(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..");
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], raw);
}

function shown(value: PyValue): string {
  return shortened(
    value instanceof PyMapping || Array.isArray(value) ? JSON.stringify(looseJson(value)) : scalarText(value),
  );
}

function scalarText(value: PyValue): string {
  return value === null ? "null" : typeof value === "string" ? JSON.stringify(value) : pythonText(value);
}

function shortened(value: string): string {
  const text = maskedText(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
