import * as pulumi from "@pulumi/pulumi";
import { type MirroredRoute, mirroredRoute } from "../src/domain/serving/mirroredRoute.ts";
import { readyPath, servingPath } from "../src/domain/serving/servedModel.ts";
import { limitCopies } from "./copyLimits.ts";
import { registered, withoutUrl } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";

/** Arguments of {@link TrafficMirror}. */
export interface TrafficMirrorArgs extends Omit<MirroredRoute, "model" | "kind" | "managedBy" | "gateway"> {
  /** Istio Gateway and host names that the model is reached by. */
  readonly gateway: MirroredRoute["gateway"] & {
    /** Address that clients use, without a path. */
    readonly url: string;
    /**
     * Istio is behind the gateway: then its copies have limits, so that a shadow that stops reading or never answers costs no original anything.
     * @default it is where the API is Istio's
     */
    readonly isIstio?: boolean;
  };
}

/**
 * A route whose requests the primary answers, and of which shadows get copies. Pass what has to answer first in `dependsOn`.
 *
 * @example
 * new TrafficMirror("next", { name: "next", namespace, primary: { service: "next-primary", mode: "Standard" }, shadows: ["next-candidate"], percent: 10, gateway });
 */
export class TrafficMirror extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. */
  readonly predictUrl: string;

  constructor(name: string, args: TrafficMirrorArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:shadow:TrafficMirror", name, registered({ ...args, gateway: withoutUrl(args.gateway) }), options);
    const { api = "istio", isIstio = api === "istio" } = args.gateway;
    const mirrored = { ...args, model: args.name, kind: "shadow", managedBy: "stack" } as const;
    const limits = isIstio ? limitCopies(name, mirrored, { parent: this }) : [];
    deployRoute(name, { route: mirroredRoute(mirrored) }, { parent: this, dependsOn: limits });
    this.predictUrl = `${args.gateway.url}${servingPath(args.namespace, args.name)}${readyPath}:predict`;
    this.registerOutputs({ predictUrl: this.predictUrl });
  }
}
