import { PyMapping, type PyValue, pythonText } from "../pyValue.ts";
import {
  anything,
  type FieldType,
  flag,
  type Issue,
  listOf,
  mapOf,
  model,
  oneOf,
  orNull,
  text,
  textWhere,
} from "./fieldTypes.ts";
import { resources } from "./resources.ts";
import { runtime } from "./runtime.ts";
import {
  baseImage,
  bdn,
  bisLlm,
  dockerServer,
  externalData,
  internalCache,
  modelCache,
  trainingCheckpoints,
  weights,
} from "./sources.ts";

/**
 * config.yaml as truss 0.18.35 reads it (`truss/base/truss_config.py`): types, defaults and conditions. A config patch carries the
 * whole config with every default, because it replaces the container's file. `trt_llm` passes unread: nothing patches it.
 */

const list = { type: listOf(text), initial: () => [] };
const dictionary = (type: FieldType) => ({ type: mapOf(type), initial: () => new PyMapping() });
const nullAtFirst = (type: FieldType) => ({ type: orNull(type), initial: () => null });
const named = (initial: string) => ({ type: text, initial: () => initial });
const flagged = (initial: boolean) => ({ type: flag, initial: () => initial });
const whole = (type: FieldType) => ({ type, initial: () => type(new PyMapping(), [], []) });

const pythonVersions = ["py39", "py310", "py311", "py312", "py313", "py314"];

const build = model(
  {
    model_server: { type: oneOf("TrussServer", "TRT_LLM"), initial: () => "TrussServer" },
    arguments: dictionary(anything),
    secret_to_path_mapping: dictionary(text),
    no_cache: flagged(false),
  },
  {
    name: "Build",
    after: (value) =>
      (value.get("secret_to_path_mapping") as PyMapping).entries
        .map(([name]) => secretProblem(String(name)))
        .find((problem) => problem !== undefined),
  },
);

function secretProblem(name: string): string | undefined {
  if (name === "" || name === "." || name === ".." || name.length > 253) return `Invalid secret name \`${name}\``;
  if (/^[-._a-zA-Z0-9]+$/.test(name) || name.startsWith("DOCKER_REGISTRY_")) return undefined;
  return `Secrets used in builds must follow Kubernetes object naming conventions. Name \`${name}\` is not valid.`;
}

const config = model(
  {
    model_name: nullAtFirst(text),
    model_metadata: dictionary(anything),
    description: nullAtFirst(text),
    examples_filename: named("examples.yaml"),
    data_dir: named("data"),
    external_data: nullAtFirst(externalData),
    external_package_dirs: list,
    python_version: {
      type: textWhere((value) =>
        pythonVersions.includes(value)
          ? undefined
          : `Please ensure that \`python_version\` is one of ${pythonVersions.join(", ")}`,
      ),
      initial: () => "py313",
    },
    base_image: nullAtFirst(baseImage),
    requirements_file: nullAtFirst(text),
    requirements: list,
    system_packages: list,
    environment_variables: dictionary(text),
    secrets: dictionary(orNull(text)),
    resources: whole(resources),
    runtime: whole(runtime),
    build: whole(build),
    build_commands: list,
    docker_server: nullAtFirst(dockerServer),
    model_cache: { type: modelCache, initial: () => [] },
    weights: { type: weights, initial: () => [] },
    bdn: whole(bdn),
    trt_llm: nullAtFirst(anything),
    training_checkpoints: nullAtFirst(trainingCheckpoints),
    bis_llm: nullAtFirst(bisLlm),
    input_type: named("Any"),
    model_framework: named("custom"),
    model_type: named("Model"),
    model_module_dir: named("model"),
    model_class_filename: named("model.py"),
    model_class_name: named("Model"),
    bundled_packages_dir: named("packages"),
    use_local_src: flagged(false),
    cache_internal: { type: internalCache, initial: () => [] },
    live_reload: flagged(false),
    apply_library_patches: flagged(true),
    spec_version: named("2.0"),
  },
  {
    name: "TrussConfig",
    after: (value) => {
      const isGiven = (key: string): boolean => (value.get(key) as readonly PyValue[]).length > 0;
      if (isGiven("requirements") && value.get("requirements_file")) {
        return "Please ensure that only one of `requirements` and `requirements_file` is specified";
      }
      return isGiven("model_cache") && isGiven("weights")
        ? "Please ensure that only one of `model_cache` and `weights` is specified"
        : undefined;
    },
  },
);

/** What the library makes of a config.yaml: all fields, with its own types; or what it refuses, all of it. */
export function libraryConfig(raw: PyMapping): { readonly config: PyMapping; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const made = config(prepared(raw, issues), [], issues);
  return { config: made instanceof PyMapping ? made : new PyMapping(), issues };
}

/** What the library does before it reads the fields: environment variables become texts, as Python prints them. */
function prepared(raw: PyMapping, issues: Issue[]): PyMapping {
  const made = new PyMapping();
  const cache = raw.get("hf_cache");
  for (const [key, value] of raw.entries) {
    if (key === "hf_cache" && !raw.has("model_cache")) made.set("model_cache", cache ?? []);
    else if (key === "environment_variables") made.set(key, texts(value, issues));
    else made.set(key, value);
  }
  const builds = raw.get("build");
  if (builds instanceof PyMapping && builds.get("no_cache") === true) {
    const message = "no_cache cannot be specified in config.yaml.";
    issues.push({ path: ["build", "no_cache"], value: true, message });
  }
  return made;
}

function texts(value: PyValue, issues: Issue[]): PyValue {
  if (!(value instanceof PyMapping)) return value;
  const made = new PyMapping();
  for (const [key, item] of value.entries) {
    const name = pythonText(key);
    if (item instanceof PyMapping || Array.isArray(item)) {
      // Python would print it; nobody means that.
      const message = "must be a text, a number or a boolean";
      issues.push({ path: ["environment_variables", name], value: item, message });
    }
    made.set(key, typeof item === "boolean" ? String(item) : pythonText(item));
  }
  return made;
}
