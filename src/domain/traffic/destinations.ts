import { frontPorts } from "../serving/activator.ts";
import { versionedName } from "../zoo/plan.ts";

/** A version that a gateway may lead to. */
export interface ServedVersion {
  readonly id: string;
  readonly model: string;
  readonly number: number;
  /** Name of its InferenceService. @default the version's own name */
  readonly service: string | null;
}

/**
 * Name of the Service that a cluster of Istio's leads to (`outbound|80|<subset>|<host>`); undefined for what is not a Service of `namespaces`,
 * and for a port that gets copies alone: nobody is answered by these.
 */
export function serviceOfDestination(destination: string, ...namespaces: readonly string[]): string | undefined {
  const [direction, port, , host] = destination.split("|");
  if (direction !== "outbound" || host === undefined || port === String(frontPorts.copies)) return undefined;
  const [service, space, kind] = host.split(".");
  return space !== undefined && namespaces.includes(space) && kind === "svc" ? service : undefined;
}

/** Name of a destination by its host alone, as {@link serviceOfDestination} reads it. */
export function destinationOfHost(host: string): string {
  return `outbound|||${host}`;
}

/**
 * Ids of versions by the Services that requests for them are sent to: those of the predictor, of the recorder before it, and of the API
 * service before a version that may sleep.
 */
export function versionsByService(versions: readonly ServedVersion[]): Map<string, string> {
  return new Map(
    versions.flatMap(({ id, model, number, service }) => {
      const name = service ?? versionedName(model, number);
      return [`${name}-predictor`, `${name}-transformer`, `${name}-activator`].map((each) => [each, id] as const);
    }),
  );
}
