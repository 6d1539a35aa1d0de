import * as pulumi from "@pulumi/pulumi";
import { isIstioGateway } from "../src/domain/serving/copyLimits.ts";
import { type MirroredRoute, mirroredRoute } from "../src/domain/serving/mirroredRoute.ts";
import { readyPath, servingPath } from "../src/domain/serving/servedModel.ts";
import { given } from "../src/environment/given.ts";
import { limitCopies } from "./copyLimits.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered, withoutUrl } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";

/** Arguments of {@link TrafficMirror}. */
export interface TrafficMirrorArgs
  extends OnEnvironment,
    Pick<MirroredRoute, "primary" | "shadows" | "percent" | "paths"> {
  /**
   * Names of those InferenceServices that may sleep. `ShadowDeployment` declares what wakes them.
   * @default none
   */
  readonly sleeping?: readonly string[] | undefined;
}

/**
 * A route whose requests the primary answers, and of which shadows get copies. Pass what has to answer first in `dependsOn`. Where Istio is
 * behind the gateway, copies have limits, so that a shadow that stops reading or never answers costs no original anything.
 *
 * @example
 * new TrafficMirror("next", { environment, primary: { service: "next-primary", mode: "Standard" }, shadows: ["next-candidate"], percent: 10 });
 */
export class TrafficMirror extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. */
  readonly predictUrl: string;

  constructor(name: string, args: TrafficMirrorArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, sleeping, ...mirror } = args;
    const { namespace, gateway, services } = environment.spec;
    const shown = registered({ ...mirror, sleeping, namespace, gateway: withoutUrl(gateway) });
    super("menagerie:shadow:TrafficMirror", name, shown, environment.options(options, []));
    const identity = { name, namespace, gateway, model: name, kind: "shadow", managedBy: "stack" } as const;
    const mirrored = {
      ...mirror,
      ...identity,
      ...given({ sleeping: sleeping && { services: sleeping, servicesNamespace: services.namespace } }),
    };
    const limits = isIstioGateway(environment.spec) ? limitCopies(name, mirrored, { parent: this }) : [];
    environment.endIdleConnections(namespace);
    deployRoute(name, { route: mirroredRoute(mirrored) }, { parent: this, dependsOn: limits });
    this.predictUrl = `${gateway.url}${servingPath(namespace, name)}${readyPath}:predict`;
    this.registerOutputs({ predictUrl: this.predictUrl });
  }
}
