/**
 * Defaults of config.yaml in truss 0.18.35 (`truss/base/truss_config.py`). A config patch carries the whole config with
 * them, because it replaces the container's file.
 */
const defaults: Readonly<Record<string, unknown>> = {
  model_name: null,
  model_metadata: {},
  description: null,
  examples_filename: "examples.yaml",
  data_dir: "data",
  external_data: null,
  external_package_dirs: [],
  python_version: "py313",
  base_image: null,
  requirements_file: null,
  requirements: [],
  system_packages: [],
  environment_variables: {},
  secrets: {},
  resources: { cpu: "1", memory: "2Gi", accelerator: null },
  runtime: {
    predict_concurrency: 1,
    streaming_read_timeout: 60,
    enable_tracing_data: false,
    enable_debug_logs: false,
    transport: { kind: "http" },
    is_websocket_endpoint: false,
    health_checks: {
      restart_check_delay_seconds: null,
      restart_threshold_seconds: null,
      stop_traffic_threshold_seconds: null,
      startup_threshold_seconds: null,
    },
    oidc: { enabled: null },
    remote_ssh: { enabled: false },
    egress_restrictions: null,
    truss_server_version_override: null,
  },
  build: { model_server: "TrussServer", arguments: {}, secret_to_path_mapping: {}, no_cache: false },
  build_commands: [],
  docker_server: null,
  model_cache: [],
  weights: [],
  bdn: { mounts: [], access: [], hotload: { enabled: false } },
  trt_llm: null,
  training_checkpoints: null,
  bis_llm: null,
  input_type: "Any",
  model_framework: "custom",
  model_type: "Model",
  model_module_dir: "model",
  model_class_filename: "model.py",
  model_class_name: "Model",
  bundled_packages_dir: "packages",
  use_local_src: false,
  cache_internal: [],
  live_reload: false,
  apply_library_patches: true,
  spec_version: "2.0",
};

/** The whole config that a config.yaml means: what it says over the defaults, with `resources.use_gpu` derived. */
export function completeConfig(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged = merge(defaults, raw) as Record<string, unknown>;
  const resources = merged.resources as Record<string, unknown>;
  merged.resources = { ...resources, use_gpu: resources.accelerator !== null };
  if (Array.isArray(merged.external_data)) {
    merged.external_data = merged.external_data.map((item) => ({ backend: "http_public", name: null, ...item }));
  }
  return merged;
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isMapping(base) || !isMapping(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = merge(base[key], value);
  return merged;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
