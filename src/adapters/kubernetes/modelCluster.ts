import type { KubeConfig, V1Pod } from "@kubernetes/client-node";
import type { LogLine, VersionCluster } from "../../domain/development/ports.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { alive, failureOf, hindrance, isReady } from "../../domain/serving/pods.ts";
import { annotations, labels, stopAnnotation } from "../../domain/serving/servedModel.ts";
import { primarySide, shadowService } from "../../domain/shadow/names.ts";
import type { SleepingService } from "../../domain/sleep/ports.ts";
import { reflect } from "./reflector.ts";
import { apply, isApiError, readIfThere, request } from "./request.ts";
import { modelContainer, versionPod } from "./versionPod.ts";

/** The part of an InferenceService that is read here. */
interface InferenceServiceObject {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly predictor?: { readonly nodeSelector?: Readonly<Record<string, string>> };
    readonly transformer?: object;
  };
}

/** Owner of the stop annotation: `up` and drift leave alone what it wrote. */
const manager = "menagerie-api";
const serviceLabel = "serving.kserve.io/inferenceservice";
const noPods: ReadonlySet<string> = new Set();
const apiVersion = "serving.kserve.io/v1beta1";
/** How long the API server may take to be told, in milliseconds: who waits for the version's row waits as long. */
const tellWithinMs = 4_000;
/**
 * How long a replaced pod may take to shut down, in seconds. Where there is no room for two pods, such as on one GPU, the new one waits
 * for the old, and a process that hangs uses all of this time.
 */
const graceSeconds = 10;

/** Options of {@link watchModels}. */
export interface ModelWatchOptions {
  readonly config: KubeConfig;
  /** Namespace of the models. */
  readonly namespace: string;
  readonly onError: (error: unknown) => void;
  /** Ends the watches. */
  readonly signal: AbortSignal;
}

/** Follows the InferenceServices of a namespace that a stack or the API service made, and their pods. */
export function watchModels({ config, namespace, onError, signal }: ModelWatchOptions): VersionCluster {
  const services = new Map<string, SleepingService>();
  /** Development versions, by their ids. */
  const versions = new Map<string, SleepingService>();
  let pods = new Map<string, V1Pod[]>();
  const waiting = new Set<() => void>();
  const listed = new Set<string>();
  const servicesPath = `/apis/${apiVersion}/namespaces/${namespace}/inferenceservices`;
  const podsPath = `/api/v1/namespaces/${namespace}/pods`;
  const follow = <T extends object>(path: string, labelSelector: string, take: (objects: readonly T[]) => void): void =>
    void reflect({
      config,
      path,
      signal,
      onError,
      query: { labelSelector },
      onChange: (objects) => {
        take([...(objects as ReadonlyMap<string, unknown>).values()] as T[]);
        listed.add(path);
        for (const wake of waiting) wake();
      },
    });
  follow<InferenceServiceObject>(servicesPath, labels.kind, (objects) => {
    services.clear();
    versions.clear();
    for (const service of objects.map(sleepingService)) {
      services.set(service.name, service);
      if (service.versionId !== undefined) versions.set(service.versionId, service);
    }
  });
  follow<V1Pod>(podsPath, `component in (predictor,transformer),${serviceLabel}`, (objects) => {
    pods = Map.groupBy(objects, (pod) => pod.metadata?.labels?.[serviceLabel] ?? "");
  });

  const living = (service: string, ignored: ReadonlySet<string>): ObservedPod[] =>
    alive(pods.get(service) ?? []).filter(({ metadata }) => !ignored.has(metadata?.name ?? ""));
  const podOf = (versionId: string) => {
    const own = (pods.get(versions.get(versionId)?.name ?? "") ?? []).filter(isPredictor);
    // The youngest is the one that stays.
    const sorted = own.toSorted((a, b) => createdAt(b) - createdAt(a));
    return sorted.map(versionPod).find((pod) => pod !== undefined);
  };
  return {
    isListed: () => listed.size === 2,
    find: (service) => services.get(service),
    services: () => [...services.values()],
    pods: (service) => living(service, noPods).map(({ metadata }) => metadata?.name ?? ""),
    readyPods: (service, ignored) => {
      const parts = services.get(service)?.recorded ? ["predictor", "transformer"] : ["predictor"];
      const ready = living(service, ignored).filter(isReady);
      const isWhole = parts.every((part) => ready.some(({ metadata }) => metadata?.labels?.component === part));
      return isWhole ? ready.map(({ metadata }) => metadata?.name ?? "") : [];
    },
    hindrance: (service, ignored) => {
      const own = living(service, ignored);
      for (const pod of own) {
        const failure = failureOf(pod);
        if (failure) return { reason: failure.reason, isHopeless: true };
      }
      const reason = hindrance(own, services.get(service)?.pool);
      return reason === undefined ? undefined : { reason, isHopeless: false };
    },
    changed: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, milliseconds);
        function done(): void {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      }),
    setStopped: (service, isStopped, since = performance.now()) =>
      setStopped({ config, path: `${servicesPath}/${service}`, namespace }, isStopped, since),
    service: (versionId) => versions.get(versionId),
    pod: podOf,
    versions: () => [...versions.keys()],
    logs: async (versionId, lines) => {
      const pod = podOf(versionId)?.name;
      if (pod === undefined) return [];
      const query = { container: modelContainer, tailLines: lines, timestamps: true };
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
  };
}

function sleepingService({ metadata = {}, spec }: InferenceServiceObject): SleepingService {
  const idle = Number(metadata.annotations?.[annotations.idleMinutes] ?? Number.NaN);
  const { name = "" } = metadata;
  const model = metadata.labels?.[labels.model] ?? "";
  const side = name === shadowService(model, primarySide) ? "primary" : "shadow";
  return {
    name,
    model,
    role: metadata.labels?.[labels.kind] === "shadow" ? side : "version",
    idleMinutes: idle > 0 ? idle : undefined,
    isStopped: metadata.annotations?.[stopAnnotation] === "true",
    recorded: spec?.transformer !== undefined,
    pool: spec?.predictor?.nodeSelector?.[labels.pool] ?? "",
    createdAt: Date.parse(metadata.creationTimestamp ?? ""),
    versionId: metadata.labels?.[labels.versionId],
    deploymentId: metadata.annotations?.[annotations.deployment],
  };
}

/**
 * Applies the one annotation, as an owner of its own. One that runs is not told to run: the annotation is copied to the pods' template, and
 * its first value would make new pods.
 */
async function setStopped(
  { config, path, namespace }: { readonly config: KubeConfig; readonly path: string; readonly namespace: string },
  isStopped: boolean,
  since: number,
): Promise<void> {
  const signal = AbortSignal.timeout(tellWithinMs);
  const found = await readIfThere<InferenceServiceObject>(config, path, { signal });
  const { name, uid, annotations: has } = found?.metadata ?? {};
  if (!found || (has?.[stopAnnotation] === "true") === isStopped) return;
  // A process that stood still goes on before its timers do, and somebody may have woken the version meanwhile.
  if (performance.now() - since > tellWithinMs) throw new Error("the cluster was told too late");
  // With its uid, an apply makes no InferenceService that is nothing but an annotation, should it have gone meanwhile.
  const metadata = { name, namespace, uid, annotations: { [stopAnnotation]: String(isStopped) } };
  await apply(config, path, { apiVersion, kind: "InferenceService", metadata }, manager, signal);
}

/** A line with its time in front, to the nanosecond, as the kubelet writes it. */
function logLine(line: string, pod: string): LogLine[] {
  const [, seconds = "", fraction = "", text = ""] = /^(\S+?)(?:\.(\d{1,9}))?Z (.*)$/.exec(line) ?? [];
  const at = Date.parse(`${seconds}Z`);
  if (Number.isNaN(at)) return [];
  const nanoseconds = `${at / 1000}${fraction.padEnd(9, "0")}`;
  return [{ at: at + Number(fraction.padEnd(9, "0").slice(0, 3)), nanoseconds, text, pod }];
}

const isPredictor = ({ metadata }: V1Pod): boolean => metadata?.labels?.component === "predictor";

function createdAt({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}
