import { type RecorderSettings, recorderResources } from "../recording/settings.ts";
import { autoscalerClassAnnotation } from "./autoscaling.ts";
import { confined, serviceProbes } from "./ownService.ts";
import { annotations, labels, type Recorder } from "./servedModel.ts";

/** Owner of the recorder's fields of an InferenceService whose other fields are the stack's. */
export const recorderManager = "menagerie-recorder";

const containerPort = 8080;
const logFolder = "/var/lib/menagerie/recorder";
/** For predictions in flight and the rows of the last ones, in seconds. */
const terminationGraceSeconds = 60;
/** Beside the log's own limit: its files are cut off a while after their rows are stored. */
const logOverheadMebibytes = 128;

/**
 * `spec.transformer` of an InferenceService. KServe adds `--model_name`, `--predictor_host` and `--http_port` to its
 * arguments (v0.20, `transformer_custom.go`).
 */
export function recorderTransformer<Text>(recorder: Recorder<Text>, mode: "Standard" | "Knative") {
  const {
    image,
    secretName,
    schema,
    version,
    replicas,
    storedHeaders,
    ownPaths = [],
    logMebibytes,
    settings,
    besideKeda,
  } = recorder;
  return {
    minReplicas: replicas,
    maxReplicas: replicas,
    // KServe gives it the class of the whole InferenceService else, and KEDA refuses a ScaledObject without triggers.
    ...(besideKeda ? { annotations: { [autoscalerClassAnnotation]: "none" } } : {}),
    ...(mode === "Standard"
      ? {
          terminationGracePeriodSeconds: terminationGraceSeconds,
          deploymentStrategy: { type: "RollingUpdate" as const, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        }
      : {}),
    automountServiceAccountToken: false,
    // It needs no GPU, so it takes no place where one is.
    nodeSelector: { [labels.pool]: "cpu" },
    containers: [
      {
        name: "kserve-container",
        image,
        ...(recorder.command ? { command: [...recorder.command] } : {}),
        ports: [{ containerPort, protocol: "TCP" }],
        env: [
          { name: "MENAGERIE_DATABASE_URL", valueFrom: { secretKeyRef: { name: secretName, key: "url" } } },
          // Read by nobody: a new login makes new pods, which read a Secret's variable once.
          { name: "MENAGERIE_DATABASE_URL_REVISION", value: recorder.secretRevision },
          { name: "MENAGERIE_MODEL_VERSION", value: version },
          ...(settings.bodies ? [] : [{ name: "MENAGERIE_RECORDER_BODIES", value: "false" }]),
          { name: "MENAGERIE_RECORDER_HEADERS", value: storedHeaders.join(",") },
          ...(ownPaths.length > 0 ? [{ name: "MENAGERIE_RECORDER_OWN_PATHS", value: ownPaths.join(",") }] : []),
          { name: "MENAGERIE_RECORDER_LOG_DIR", value: logFolder },
          { name: "MENAGERIE_RECORDER_LOG_MAX_BYTES", value: String(logMebibytes * 1024 ** 2) },
          ...(settings.redact.length > 0
            ? [
                {
                  name: "MENAGERIE_RECORDER_PSEUDONYM_KEY",
                  valueFrom: { secretKeyRef: { name: secretName, key: "pseudonyms" } },
                },
                { name: "MENAGERIE_RECORDER_REDACT", value: JSON.stringify(settings.redact) },
              ]
            : []),
          ...(recorder.usageUrl === undefined ? [] : [{ name: "MENAGERIE_USAGE_URL", value: recorder.usageUrl }]),
          ...(settings.sample < 100
            ? [{ name: "MENAGERIE_RECORDER_SAMPLE_PERCENT", value: String(settings.sample) }]
            : []),
          { name: "MENAGERIE_RECORDER_SCHEMA", value: schema },
        ],
        resources: resourcesOf(settings),
        volumeMounts: [{ name: "recorder-log", mountPath: logFolder }],
        // Not ready without its tables: it says so, and takes no traffic.
        ...serviceProbes(containerPort, 2),
        securityContext: {
          ...confined,
          seccompProfile: { type: "RuntimeDefault" },
        },
      },
    ],
    volumes: [{ name: "recorder-log", emptyDir: { sizeLimit: `${logMebibytes + logOverheadMebibytes}Mi` } }],
  };
}

/** The transformer with its revision, which its pods carry instead of that of the InferenceService: each changes without the other. */
export function revisedTransformer<Text, Revision>(
  transformer: ReturnType<typeof recorderTransformer<Text>>,
  revision: Revision,
) {
  return { ...transformer, annotations: { ...transformer.annotations, [annotations.revision]: revision } };
}

/** What redacts has bodies in memory as text, as values, and as text again. */
function resourcesOf({ redact }: RecorderSettings) {
  const { requests, limits } = recorderResources;
  return redact.length === 0 ? recorderResources : { requests, limits: { ...limits, memory: "1280Mi" } };
}
