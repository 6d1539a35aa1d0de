import type { KubeConfig, V1Pod } from "@kubernetes/client-node";
import type { LogLine, VersionCluster, VersionPod, VersionService } from "../../domain/development/ports.ts";
import { credentialVariables } from "../../domain/serving/credentialFiles.ts";
import { annotations, containerPort, labels, stopAnnotation } from "../../domain/serving/servedModel.ts";
import { reflect } from "./reflector.ts";
import { isApiError, request } from "./request.ts";

/** The part of an InferenceService that is read here. */
interface InferenceServiceObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
}

const serviceLabel = "serving.kserve.io/inferenceservice";
const containerName = "kserve-container";
/**
 * How long a replaced pod may take to shut down, in seconds. Where there is no room for two pods, such as on one GPU, the new one waits
 * for the old, and a process that hangs uses all of this time.
 */
const graceSeconds = 10;

/** Options of {@link watchVersions}. */
export interface WatchOptions {
  readonly config: KubeConfig;
  /** Namespace of the models. */
  readonly namespace: string;
  readonly onError: (error: unknown) => void;
  /** Ends the watches. */
  readonly signal: AbortSignal;
}

/** Follows the development versions of a namespace. It knows of none until both lists were read. */
export function watchVersions(options: WatchOptions): VersionCluster {
  const { config, namespace, signal, onError } = options;
  const services = new Map<string, VersionService>();
  const pods = new Map<string, VersionPod>();
  let waiting: (() => void)[] = [];
  const wakeAll = (): void => {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  const servicesPath = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
  const podsPath = `/api/v1/namespaces/${namespace}/pods`;
  const listed = new Set<string>();
  const follow = <T extends object>(
    path: string,
    labelSelector: string,
    take: (objects: ReadonlyMap<string, T>) => void,
  ): void => {
    void reflect({
      config,
      path,
      signal,
      onError,
      query: { labelSelector },
      onChange: (objects) => {
        take(objects as ReadonlyMap<string, T>);
        listed.add(path);
        wakeAll();
      },
    });
  };
  follow<InferenceServiceObject>(servicesPath, labels.versionId, (objects) => {
    services.clear();
    for (const [id, service] of [...objects.values()].map(versionService)) services.set(id, service);
  });
  follow<V1Pod>(podsPath, `component=predictor,${serviceLabel}`, (objects) => {
    pods.clear();
    for (const pod of [...objects.values()].sort(byAge)) {
      const found = versionPod(pod);
      if (found) pods.set(pod.metadata?.labels?.[serviceLabel] ?? "", found);
    }
  });
  return {
    isListed: () => listed.size === 2,
    service: (versionId) => services.get(versionId),
    pod: (versionId) => pods.get(services.get(versionId)?.name ?? ""),
    versions: () => [...services.keys()],
    changed: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, milliseconds);
        function done(): void {
          clearTimeout(timer);
          resolve();
        }
        waiting.push(done);
      }),
    logs: async (versionId, lines) => {
      const pod = pods.get(services.get(versionId)?.name ?? "")?.name;
      if (pod === undefined) return [];
      const query = { container: containerName, tailLines: lines, timestamps: true };
      const text = await (await request(config, "GET", `${podsPath}/${pod}/log`, { query })).text();
      return text.split("\n").flatMap((line) => logLine(line, pod));
    },
    deletePod: async (name) => {
      try {
        await request(config, "DELETE", `${podsPath}/${name}`, { query: { gracePeriodSeconds: String(graceSeconds) } });
      } catch (error) {
        if (!isApiError(error, 404)) throw error;
      }
    },
    setStopped: async (service, isStopped) => {
      await request(config, "PATCH", `${servicesPath}/${service}`, {
        body: { metadata: { annotations: { [stopAnnotation]: isStopped ? "true" : "false" } } },
        contentType: "application/merge-patch+json",
      });
    },
  };
}

function versionService({ metadata = {} }: InferenceServiceObject): [string, VersionService] {
  const idle = Number(metadata.annotations?.[annotations.idleMinutes] ?? Number.NaN);
  return [
    metadata.labels?.[labels.versionId] ?? "",
    {
      name: metadata.name ?? "",
      isStopped: metadata.annotations?.[stopAnnotation] === "true",
      idleMinutes: idle > 0 ? idle : undefined,
      createdAt: Date.parse(metadata.creationTimestamp ?? ""),
      deploymentId: metadata.annotations?.[annotations.deployment],
    },
  ];
}

/** A pod that can be patched: it has an address, its container runs, and nobody has told it to end. */
function versionPod(pod: V1Pod): VersionPod | undefined {
  const { metadata = {}, status } = pod;
  const container = status?.containerStatuses?.find(isModel);
  const startedAt = container?.state?.running?.startedAt;
  if (metadata.deletionTimestamp || !status?.podIP || !container?.containerID || !startedAt) return undefined;
  const env = pod.spec?.containers.find(isModel)?.env ?? [];
  const host = status.podIP.includes(":") ? `[${status.podIP}]` : status.podIP;
  return {
    name: metadata.name ?? "",
    url: `http://${host}:${containerPort}`,
    instance: container.containerID,
    startedAt: new Date(startedAt).getTime(),
    isReady: container.ready,
    variables: new Set(env.map(({ name }) => name)),
    readsCredentialFiles: Object.entries(credentialVariables).every(([wanted, wantedValue]) =>
      env.some(({ name, value }) => name === wanted && value === wantedValue),
    ),
  };
}

const isModel = ({ name }: { readonly name: string }): boolean => name === containerName;

/** A line with its time in front, to the nanosecond, as the kubelet writes it. */
function logLine(line: string, pod: string): LogLine[] {
  const [, seconds = "", fraction = "", text = ""] = /^(\S+?)(?:\.(\d{1,9}))?Z (.*)$/.exec(line) ?? [];
  const at = Date.parse(`${seconds}Z`);
  if (Number.isNaN(at)) return [];
  const nanoseconds = `${at / 1000}${fraction.padEnd(9, "0")}`;
  return [{ at: at + Number(fraction.padEnd(9, "0").slice(0, 3)), nanoseconds, text, pod }];
}

/** The youngest last, so that it is the one that is kept. */
function byAge(a: V1Pod, b: V1Pod): number {
  return time(a) - time(b);
}

function time({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}
