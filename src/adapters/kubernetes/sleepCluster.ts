import type { KubeConfig } from "@kubernetes/client-node";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { alive, failureOf, hindrance, isReady } from "../../domain/serving/pods.ts";
import { annotations, labels, stopAnnotation } from "../../domain/serving/servedModel.ts";
import { primarySide, shadowService } from "../../domain/shadow/names.ts";
import type { SleepCluster, SleepingService } from "../../domain/sleep/ports.ts";
import { reflect } from "./reflector.ts";
import { apply, readIfThere } from "./request.ts";

/** The part of an InferenceService that is read here. */
interface InferenceServiceObject {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
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
const apiVersion = "serving.kserve.io/v1beta1";
/** How long the API server may take to be told, in milliseconds: who waits for the version's row waits as long. */
const tellWithinMs = 4_000;

/** Options of {@link watchSleepers}. */
export interface SleepWatchOptions {
  readonly config: KubeConfig;
  /** Namespace of the models. */
  readonly namespace: string;
  readonly onError: (error: unknown) => void;
  /** Ends the watches. */
  readonly signal: AbortSignal;
}

/** Follows the InferenceServices of a namespace's zoo and shadow deployments, and their pods. */
export function watchSleepers({ config, namespace, onError, signal }: SleepWatchOptions): SleepCluster {
  const services = new Map<string, SleepingService>();
  let pods = new Map<string, ObservedPod[]>();
  let waiting: (() => void)[] = [];
  const listed = new Set<string>();
  const servicesPath = `/apis/${apiVersion}/namespaces/${namespace}/inferenceservices`;
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
        const woken = waiting;
        waiting = [];
        for (const wake of woken) wake();
      },
    });
  follow<InferenceServiceObject>(servicesPath, `${labels.kind} in (zoo,shadow)`, (objects) => {
    services.clear();
    for (const service of objects.map(sleepingService)) services.set(service.name, service);
  });
  follow<ObservedPod>(
    `/api/v1/namespaces/${namespace}/pods`,
    `component in (predictor,transformer),${serviceLabel}`,
    (objects) => {
      pods = Map.groupBy(objects, (pod) => pod.metadata?.labels?.[serviceLabel] ?? "");
    },
  );
  const living = (service: string, ignored: ReadonlySet<string>): ObservedPod[] =>
    alive(pods.get(service) ?? []).filter(({ metadata }) => !ignored.has(metadata?.name ?? ""));
  return {
    isListed: () => listed.size === 2,
    find: (service) => services.get(service),
    services: () => [...services.values()],
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
          resolve();
        }
        waiting.push(done);
      }),
    setStopped: (service, isStopped) =>
      setStopped({ config, path: `${servicesPath}/${service}`, namespace }, isStopped),
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
  };
}

/**
 * Applies the one annotation, as an owner of its own. One that runs is not told to run: the annotation is copied to the pods' template, and
 * its first value would make new pods.
 */
async function setStopped(
  { config, path, namespace }: { readonly config: KubeConfig; readonly path: string; readonly namespace: string },
  isStopped: boolean,
): Promise<void> {
  const signal = AbortSignal.timeout(tellWithinMs);
  const found = await readIfThere<InferenceServiceObject>(config, path, { signal });
  const { name, uid, annotations: has } = found?.metadata ?? {};
  if (!found || (has?.[stopAnnotation] === "true") === isStopped) return;
  // With its uid, an apply makes no InferenceService that is nothing but an annotation, should it have gone meanwhile.
  const metadata = { name, namespace, uid, annotations: { [stopAnnotation]: String(isStopped) } };
  await apply(config, path, { apiVersion, kind: "InferenceService", metadata }, manager, signal);
}
