import { PyMapping } from "../pyValue.ts";
import {
  anything,
  checked,
  type FieldType,
  filledText,
  flag,
  float,
  listOf,
  mapOf,
  model,
  oneOf,
  orNull,
  text,
  textWhere,
  whole,
} from "./fieldTypes.ts";

/** Where images, weights and data come from: parts of config.yaml that only a full deployment can follow. */

const nullAtFirst = (type: FieldType) => ({ type: orNull(type), initial: () => null });
const emptyList = { initial: () => [] };

const methodFields: Readonly<Record<string, readonly string[]>> = {
  AWS_OIDC: ["aws_oidc_role_arn", "aws_oidc_region"],
  GCP_OIDC: ["gcp_oidc_service_account", "gcp_oidc_workload_id_provider"],
  AWS_ASSUME_ROLE: ["aws_assume_role_arn", "aws_assume_role_region"],
};
const allMethodFields = Object.values(methodFields).flat();

/** Which fields go with which way to authenticate; `secretMethod` takes the secret's name, and `others` take anything. */
function authentication(secretMethod: string, secretField: string, others: readonly string[]) {
  const methods = oneOf(...others, secretMethod, ...Object.keys(methodFields));
  return {
    fields: {
      auth_method: {
        type: ((value, path, issues) =>
          methods(typeof value === "string" ? value.toUpperCase() : value, path, issues)) satisfies FieldType,
      },
      [secretField]: nullAtFirst(text),
      ...Object.fromEntries(allMethodFields.map((name) => [name, nullAtFirst(text)])),
    },
    after: (value: PyMapping): string | undefined => {
      const method = String(value.get("auth_method"));
      if (others.includes(method)) return undefined;
      const required = method === secretMethod ? [secretField] : (methodFields[method] ?? []);
      const isGiven = (name: string): boolean => ![null, "", undefined].includes(value.get(name) as string | null);
      const missing = required.filter((name) => !isGiven(name));
      if (missing.length > 0) return `${missing.join(", ")} must be provided when auth_method is ${method}`;
      const present = [secretField, ...allMethodFields].filter((name) => !required.includes(name) && isGiven(name));
      return present.length > 0 ? `${present.join(", ")} cannot be specified when auth_method is ${method}` : undefined;
    },
  };
}

const weightsAuth = authentication("CUSTOM_SECRET", "auth_secret_name", []);
const dockerAuth = authentication("GCP_SERVICE_ACCOUNT_JSON", "secret_name", ["AWS_IAM", "REGISTRY_SECRET"]);

const schemes = ["azure://", "cw://", "gs://", "hf://", "https://", "r2://", "s3://"];
const weightsSource = textWhere((source) => {
  const supported = `Supported schemes: ${schemes.join(", ")}`;
  if (source === "") return "String should have at least 1 character";
  if (!source.includes("://")) return `Source '${source}' is missing a URI scheme. ${supported}`;
  const scheme = `${source.split("://")[0]}://`;
  if (!schemes.includes(scheme)) return `Unsupported source scheme '${scheme}'. ${supported}`;
  const rest = source.slice(scheme.length);
  if (rest === "" || rest.startsWith("/"))
    return `Invalid ${scheme.slice(0, -3).toUpperCase()} URI format: '${source}'.`;
  const isBucket = scheme !== "hf://" && scheme !== "https://";
  if (isBucket && rest.includes("@")) return "The @ revision syntax is only valid for HuggingFace sources (hf://).";
  return undefined;
});

const weight = model(
  {
    source: { type: weightsSource },
    mount_location: {
      type: textWhere((path) =>
        path.startsWith("/") ? undefined : `mount_location must be an absolute path (start with /), got: ${path}`,
      ),
    },
    auth: nullAtFirst(model(weightsAuth.fields, { name: "WeightsAuth", after: weightsAuth.after })),
    auth_secret_name: nullAtFirst(text),
    allow_patterns: nullAtFirst(listOf(text)),
    ignore_patterns: nullAtFirst(listOf(text)),
  },
  {
    name: "WeightsSource",
    after: (value) => {
      const auth = value.get("auth");
      const isTwice = value.get("auth_secret_name") && auth instanceof PyMapping && auth.get("auth_secret_name");
      return isTwice ? "auth_secret_name cannot be specified both at the top level and in auth section." : undefined;
    },
  },
);

/** `weights` */
export const weights = checked(listOf(weight), (value) =>
  repeated(value, "mount_location", "Duplicate mount_location"),
);

function repeated(list: unknown, key: string, message: string): string | undefined {
  const names = (list as readonly PyMapping[]).map((item) => item.get(key));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? undefined : `Value error, ${message} '${String(twice)}'`;
}

const modelRepo = (isVolumeOptional: boolean) =>
  model(
    {
      repo_id: { type: filledText },
      revision: {
        type: textWhere((value) =>
          value.length === 1 ? "revision must be empty or at least 2 characters" : undefined,
        ),
        initial: () => "",
      },
      allow_patterns: nullAtFirst(listOf(text)),
      ignore_patterns: nullAtFirst(listOf(text)),
      volume_folder: nullAtFirst(filledText),
      use_volume: isVolumeOptional ? { type: flag, initial: () => false } : { type: flag },
      kind: { type: oneOf("hf", "gcs", "s3", "azure"), initial: () => "hf" },
      runtime_secret_name: { type: text, initial: () => "hf_access_token" },
    },
    {
      name: "ModelRepo",
      after: (value) => {
        if (value.get("use_volume") !== true) return undefined;
        if (value.get("kind") === "hf" && value.get("revision") === "") {
          return `Revision '' is insufficient for repo '${String(value.get("repo_id"))}'.`;
        }
        return value.get("volume_folder") === null
          ? "the key `volume_folder: str` is required for `use_volume=True` repos."
          : undefined;
      },
    },
  );

/** `model_cache` and `cache_internal` */
export const modelCache = listOf(modelRepo(false));
export const internalCache: FieldType = (value, path, issues) =>
  value === null ? [] : listOf(modelRepo(true))(value, path, issues);

/** `external_data` */
export const externalData = listOf(
  model(
    {
      url: { type: filledText },
      local_data_path: { type: filledText },
      backend: { type: text, initial: () => "http_public" },
      name: nullAtFirst(text),
    },
    { name: "ExternalDataItem" },
  ),
);

/** `base_image` */
export const baseImage = model(
  {
    image: { type: text, initial: () => "" },
    python_executable_path: {
      type: textWhere((path) =>
        path === "" || path.startsWith("/")
          ? undefined
          : `Invalid relative python executable path ${path}. Provide an absolute path`,
      ),
      initial: () => "",
    },
    docker_auth: nullAtFirst(
      model(
        {
          ...dockerAuth.fields,
          registry: { type: orNull(text), initial: () => "" },
          aws_access_key_id_secret_name: { type: text, initial: () => "aws_access_key_id" },
          aws_secret_access_key_secret_name: { type: text, initial: () => "aws_secret_access_key" },
        },
        { name: "DockerAuthSettings", after: dockerAuth.after },
      ),
    ),
  },
  { name: "BaseImage" },
);

/** `docker_server` */
export const dockerServer = model(
  {
    start_command: nullAtFirst(text),
    server_port: { type: whole },
    predict_endpoint: { type: text },
    readiness_endpoint: { type: text },
    liveness_endpoint: { type: text },
    run_as_user_id: nullAtFirst(
      checked(whole, (value) =>
        value === 0n || value === 60_000n
          ? `Value error, run_as_user_id cannot be ${value}. Use a different user ID.`
          : undefined,
      ),
    ),
    no_build: nullAtFirst(flag),
  },
  {
    name: "DockerServer",
    after: (value) =>
      value.get("no_build") !== true && value.get("start_command") === null
        ? "start_command is required when no_build is not true"
        : undefined,
  },
);

/** `training_checkpoints` */
export const trainingCheckpoints = model(
  {
    download_folder: { type: text, initial: () => "/tmp/training_checkpoints" },
    artifact_references: {
      type: listOf(
        model(
          { training_job_id: { type: text }, paths: { type: listOf(text), ...emptyList } },
          { name: "TrainingArtifactReference" },
        ),
      ),
      ...emptyList,
    },
    loops_checkpoint_ids: { type: listOf(text), ...emptyList },
  },
  { name: "CheckpointList" },
);

/** `bis_llm` */
export const bisLlm = model(
  {
    config: nullAtFirst(mapOf(anything)),
    version: { type: text, initial: () => "" },
    additional_autoscaling_config: nullAtFirst(
      model(
        {
          metrics: {
            type: listOf(
              model(
                { name: { type: text }, target: { type: float } },
                { name: "AutoscalingMetric", keepsUnknown: false },
              ),
            ),
          },
        },
        { name: "AdditionalAutoscalingConfig", keepsUnknown: false },
      ),
    ),
  },
  { name: "BISLLM" },
);

const grant = oneOf("pull", "push", "tag", "inspect", "delete");
const mount = model(
  {
    source: {
      type: textWhere((source) =>
        /^bdn:[^/:@\0]{1,256}\/[^/:@\0]{1,256}(?::[^/:@\0]{1,256}|@(?:b3:)?[0-9a-fA-F]{12,64})?$/.test(source)
          ? undefined
          : `Invalid BDN volume source: '${source}'. Expected format: bdn:namespace/volume[:tag|@digest]`,
      ),
    },
    path: {
      type: textWhere((path) =>
        path.startsWith("/") && path !== "/" && !path.split("/").includes("..")
          ? undefined
          : `Volume mount must be an absolute path (start with /), got: ${path}`,
      ),
    },
    include: { type: listOf(text), ...emptyList },
    exclude: { type: listOf(text), ...emptyList },
  },
  { name: "BDNVolumeMount" },
);

/** `bdn` */
export const bdn = model(
  {
    mounts: {
      type: checked(listOf(mount), (list) => repeated(list, "path", "Duplicate volume mount path")),
      ...emptyList,
    },
    access: {
      type: checked(
        listOf(model({ namespace: { type: filledText }, grants: { type: listOf(grant) } }, { name: "BDNAccess" })),
        (list) => repeated(list, "namespace", "BDN access namespaces must be unique:"),
      ),
      ...emptyList,
    },
    hotload: {
      type: model({ enabled: { type: flag, initial: () => false } }, { name: "BDNHotload" }),
      initial: () => new PyMapping().set("enabled", false),
    },
  },
  { name: "BDNConfig" },
);
