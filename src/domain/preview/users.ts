import { serviceOfHost } from "../serving/activator.ts";
import { routeKindOf, targetsOf } from "../serving/observedRoute.ts";
import { isDynamic, type PreviewState, type PreviewStep } from "./preview.ts";

/**
 * What uses something that a run removes, as far as a stack's other resources say it, each as people say it: `route iris`, `model
 * multiplier`. What the same run removes too is not among it.
 */
export function usersOf(removed: PreviewStep, steps: readonly PreviewStep[]): string[] {
  const others = steps.filter(({ op, urn }) => op !== "delete" && urn !== removed.urn);
  const { name = removed.name, namespace } = metadataOf(removed.before);
  if (removed.type === "kubernetes:core/v1:Namespace") return inNamespace(steps, name, removed);
  if (removed.type.endsWith(":NodePool")) {
    const selected = `"menagerie.dev/pool":${JSON.stringify(name)}`;
    return others.filter((each) => isModel(each) && specOf(each.after).includes(selected)).map(asModel);
  }
  if (/:(InferenceService|Service)$/.test(removed.type) && namespace !== undefined) {
    return [...routesTo(others, name, namespace), ...(isModel(removed) ? releasesServing(others, name) : [])];
  }
  if (removed.type === "postgresql:index/database:Database") {
    const inside = steps.filter(
      ({ type, before }) =>
        type === "postgresql:index/schema:Schema" && before?.inputs.database === removed.before?.inputs.name,
    );
    const states = new Map(
      steps
        .filter((each) => isDynamic(each, "ReleaseState"))
        .map(({ before }) => [before?.inputs.schema, `release ${before?.inputs.tag}`]),
    );
    return inside.map((each) => {
      const schema = each.before?.inputs.name ?? each.name;
      return states.get(schema) ?? `schema ${schema}`;
    });
  }
  return [];
}

/** ` (used by route iris and model tulip)`, or nothing. */
export function usedBy(users: readonly string[]): string {
  if (users.length === 0) return "";
  const shown = users.slice(0, mostUsers);
  const more = users.length - shown.length;
  return ` (used by ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
}

const mostUsers = 10;

function inNamespace(steps: readonly PreviewStep[], namespace: string, { urn }: PreviewStep): string[] {
  return steps
    .filter((each) => each.urn !== urn && each.before && metadataOf(each.before).namespace === namespace)
    .flatMap((each) =>
      isModel(each)
        ? [asModel(each)]
        : each.type === "kubernetes:core/v1:PersistentVolumeClaim"
          ? [`volume ${metadataOf(each.before).name ?? each.name}`]
          : each.type === "kubernetes:apps/v1:Deployment" || each.type.endsWith(":PostgresCluster")
            ? [`${each.type.split(":").at(-1)} ${metadataOf(each.before).name ?? each.name}`]
            : [],
    );
}

/** Routes that will still lead to it, and mirrors that will still copy requests to it. */
function routesTo(others: readonly PreviewStep[], name: string, namespace: string): string[] {
  const parts = new Set([name, `${name}-predictor`, `${name}-transformer`]);
  // What wakes it is in the namespace of the API service.
  const isPart = (each: { readonly service: string; readonly namespace: string }) =>
    (each.namespace === namespace && parts.has(each.service)) || serviceOfHost(each.service) === name;
  return others.flatMap((each) => {
    if (!routeKindOf(each.type)) return [];
    const { name: route = each.name, namespace: own = "" } = metadataOf(each.after);
    const { destinations, mirrors, rewrittenHosts } = targetsOf(each.after?.inputs.spec, own);
    // A Knative model is reached by the Host that requests are given.
    const hosts = rewrittenHosts
      .map((host) => host.split("."))
      .map(([service = "", where = ""]) => ({ service, namespace: where }));
    if ([...destinations, ...hosts].some(isPart)) return [`route ${route}`];
    return mirrors.some(isPart) ? [`mirror ${route}`] : [];
  });
}

/** The release that the last `up` deployed, where the service is one of those that it is made of. */
function releasesServing(others: readonly PreviewStep[], service: string): string[] {
  return others
    .filter((each) => isDynamic(each, "Deployment"))
    .filter(({ before }) => servingLines(before).some((line) => line.split(" ")[1] === service))
    .map(({ before }) => `release ${before?.inputs.tag}`);
}

/** As `servingLine` writes them. */
function servingLines(state: PreviewState | undefined): string[] {
  const lines = state?.inputs.serving;
  return Array.isArray(lines) ? lines.map(String) : [];
}

function isModel({ type }: PreviewStep): boolean {
  return type.startsWith("kubernetes:serving.kserve.io/") && type.endsWith(":InferenceService");
}

function asModel(step: PreviewStep): string {
  return `model ${metadataOf(step.after ?? step.before).name ?? step.name}`;
}

function specOf(state: PreviewState | undefined): string {
  return JSON.stringify(state?.inputs.spec ?? {});
}

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Metadata of a Kubernetes object. The engine writes "[secret]" for metadata that holds a secret. */
export function metadataOf(state: PreviewState | undefined): Metadata {
  const metadata = state?.inputs.metadata;
  return typeof metadata === "object" && metadata !== null ? metadata : {};
}
