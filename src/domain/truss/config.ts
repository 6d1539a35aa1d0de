import { parse, YAMLParseError } from "yaml";
import { z } from "zod";
import { badInput } from "../errors.ts";
import { keepRecent } from "../recentlyUsed.ts";

/** File at the root of every truss. */
export const configFilename = "config.yaml";

const folderName = z.string().refine((path) => isInside(path), {
  error: "must be a relative path inside the truss",
});

const externalDataItem = z.looseObject({
  url: z.string(),
  /** Below the data folder. */
  local_data_path: folderName,
  backend: z.string().default("http_public"),
  name: z.string().nullish(),
});

/** Keys of config.yaml that Menagerie reads, with the defaults of truss 0.18.35; all other keys pass through. */
const schema = z.looseObject({
  model_name: z.string().nullish(),
  description: z.string().nullish(),
  model_module_dir: folderName.default("model"),
  model_class_filename: z.string().default("model.py"),
  model_class_name: z.string().default("Model"),
  data_dir: folderName.default("data"),
  bundled_packages_dir: folderName.default("packages"),
  external_package_dirs: z.array(z.string()).default([]),
  requirements: z.array(z.string()).default([]),
  requirements_file: folderName.nullish(),
  system_packages: z.array(z.string()).default([]),
  build_commands: z.array(z.string()).default([]),
  environment_variables: z.record(z.string(), z.string({ error: "must be a text, a number or a boolean" })).default({}),
  secrets: z.record(z.string(), z.string().nullable()).default({}),
  python_version: z
    .string()
    .regex(/^py3(9|1[0-4])$/, { error: "must be py39, py310, py311, py312, py313 or py314" })
    .default("py313"),
  resources: z
    .looseObject({
      cpu: z.coerce.string().default("1"),
      memory: z.string().default("2Gi"),
      accelerator: z.string().nullish(),
      use_gpu: z.boolean().nullish(),
    })
    .prefault({}),
  external_data: z.array(externalDataItem).nullish(),
  live_reload: z.boolean().default(false),
  use_control_plane: z.boolean().default(false),
});

/** A parsed config.yaml. */
export type TrussConfig = z.infer<typeof schema>;

/** Texts that were parsed last, the one that was used longest ago first: each save of a truss brings the same one again. */
const parsed = new Map<string, TrussConfig>();
const keptTexts = 16;

/**
 * Parses the text of a config.yaml. Unknown keys are kept: the format is the truss library's and grows with it. The answer is
 * frozen, for others get the same.
 *
 * @param file - how errors name the file.
 * @throws OperatorError with the file, the key, the value and what it must be.
 */
export function parseTrussConfig(text: string, file: string = configFilename): TrussConfig {
  const config = parsed.get(text) ?? frozen(validateTrussConfig(parseConfigYaml(text, file), file));
  keepRecent(parsed, text, config, keptTexts);
  return config;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}

/** The mapping that config.yaml writes, before defaults. YAML 1.1, as PyYAML reads it. */
export function parseConfigYaml(text: string, file: string = configFilename): Record<string, unknown> {
  let raw: unknown;
  try {
    raw = parse(text, { version: "1.1", logLevel: "error", intAsBigInt: true }) ?? {};
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const at = error.linePos ? ` line ${error.linePos[0].line}` : "";
    throw badInput(`${file}${at}: not valid YAML: ${firstLine(error.message)}`, error);
  }
  if (typeof raw !== "object" || Array.isArray(raw)) {
    throw badInput(`${file}: must be a mapping such as "model_name: iris", not ${JSON.stringify(raw)}`);
  }
  const config = raw as Record<string, unknown>;
  const environment = config.environment_variables;
  if (isMapping(environment)) {
    config.environment_variables = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, pythonText(value)]),
    );
  }
  return withNumbers(config) as Record<string, unknown>;
}

/** Scalars as Python prints them (`3`, `3.0`, `true`), which is what the library makes of environment variables. */
function pythonText(value: unknown): unknown {
  if (value === null) return "None";
  if (typeof value === "number" && Number.isInteger(value)) return value.toFixed(1);
  return typeof value === "object" ? value : String(value);
}

/** Integers were read as BigInt only to tell `3` from `3.0`. */
function withNumbers(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(withNumbers);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function validateTrussConfig(raw: Record<string, unknown>, file: string): TrussConfig {
  const result = schema.safeParse(withoutNulls(raw));
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = issue?.path ?? [];
    throw badInput(
      `${file}: ${path.join(".") || "config"}: ${show(valueAt(raw, path))}: ${issue?.message ?? "invalid"}`,
    );
  }
  if (result.data.requirements.length > 0 && result.data.requirements_file) {
    throw badInput(
      `${file}: requirements_file: ${show(result.data.requirements_file)}: give either requirements or requirements_file, not both`,
    );
  }
  return result.data;
}

/** A control truss runs the control server, which patches it in place. Either key marks one; see facts on truss 0.18.35. */
export function isControlTruss(config: TrussConfig): boolean {
  return config.live_reload || config.use_control_plane;
}

/** Packages of `system_packages`, whose items may name several, separated by blanks. */
export function systemPackages(config: TrussConfig): string[] {
  return [...new Set(config.system_packages.flatMap((line) => line.trim().split(/\s+/)).filter(Boolean))];
}

/** An empty key, such as `requirements:` with nothing behind it, means its default. */
function withoutNulls(raw: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}

function isInside(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..");
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], raw);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:$/, "");
}
