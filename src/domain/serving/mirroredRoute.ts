import { activatorBackend } from "./activator.ts";
import { modelLabels } from "./inferenceService.ts";
import { type ModelRoute, servedPaths, toModel } from "./modelRoute.ts";
import type { Backend, Route, RouteGateway } from "./route.ts";
import { answeringBackend, type DeploymentMode, type ServedModel } from "./servedModel.ts";

/** A route whose requests are copied to shadows. */
export interface MirroredRoute
  extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy">,
    Pick<ModelRoute, "paths"> {
  readonly gateway: RouteGateway;
  /** InferenceService that answers, behind its recorder. */
  readonly primary: { readonly service: string; readonly mode: DeploymentMode };
  /** InferenceServices in Standard mode that get copies, behind their recorders. */
  readonly shadows: readonly string[];
  /** Share of the requests that each shadow gets, 0 to 100. */
  readonly percent: number;
  /**
   * Those of the InferenceServices that may sleep, and the namespace of the API service, which wakes them.
   * @default no model sleeps
   */
  readonly sleeping?: { readonly services: readonly string[]; readonly servicesNamespace: string } | undefined;
}

type Sided = Pick<MirroredRoute, "namespace" | "sleeping">;

/** What takes the requests of a model: its recorder, or the API service at the model's own port, where it may sleep. */
function backendOf(service: string, { namespace, sleeping }: Sided): Backend {
  if (sleeping?.services.includes(service)) return activatorBackend(service, sleeping.servicesNamespace);
  return answeringBackend({ service, recorded: true }, namespace);
}

/** Where the copies for the shadows go. */
export function shadowBackends({ shadows, ...route }: Sided & Pick<MirroredRoute, "shadows">): Backend[] {
  return shadows.map((service) => backendOf(service, route));
}

/**
 * Takes what a model serves below `/serving/<namespace>/<name>` to the primary and copies to the shadows. The primary is the only destination: no weight,
 * no match and no host can take a request to a shadow. Copies go straight to the shadows' Services, because Istio (since 1.28) sends
 * them with the original Host; where a rewrite for Knative sets another one, the copies carry it too, and recorders do not ask for it.
 */
export function mirroredRoute(route: MirroredRoute): Route {
  const { name, namespace, primary, percent, gateway } = route;
  return {
    name,
    namespace,
    gateway,
    labels: modelLabels(route),
    rules: servedPaths(route).map(({ inner, ...rule }) => ({
      ...rule,
      ...toModel(backendOf(primary.service, route), inner, {
        mode: primary.mode,
        gateway,
        recorded: true,
      }),
      mirrors: shadowBackends(route).map((shadow) => ({ ...shadow, percent })),
    })),
  };
}
