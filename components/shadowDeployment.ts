import * as pulumi from "@pulumi/pulumi";
import { PredictionStore, type PredictionStoreArgs } from "./predictionStore.ts";
import { RecordedModel, type RecordedModelArgs } from "./recordedModel.ts";
import { registered, withoutUrl } from "./registeredInputs.ts";
import { TrafficMirror, type TrafficMirrorArgs } from "./trafficMirror.ts";

/** One model of a shadow deployment. */
export interface ShadowedModel
  extends Pick<
    RecordedModelArgs,
    "service" | "truss" | "trussHash" | "mode" | "env" | "replicas" | "resources" | "secrets" | "placement"
  > {
  /** Schema of its prediction tables, which names its login too. */
  readonly schema: string;
  /** Stored with every answer: changes with truss and variables. */
  readonly version: string;
  /** Pools and the like that its pods need. */
  readonly dependsOn: readonly pulumi.Resource[];
}

/** Arguments of {@link ShadowDeployment}. */
export interface ShadowDeploymentArgs
  extends Pick<RecordedModelArgs, "namespace" | "builder" | "readyTimeoutSeconds" | "kubeContext">,
    Pick<PredictionStoreArgs, "retentionDays" | "urlFor" | "database"> {
  /** Name in Kubernetes: of the route, and the beginning of what belongs to it. */
  readonly name: string;
  readonly primary: ShadowedModel;
  /** By name in config; the second copy of the primary is among them where there is a noise floor. */
  readonly shadows: Readonly<Record<string, ShadowedModel>>;
  /** Share of the requests that each shadow gets, 0 to 100. */
  readonly percent: number;
  readonly gateway: TrafficMirrorArgs["gateway"];
  readonly recorder: Pick<RecordedModelArgs["recorder"], "image" | "command" | "storedHeaders" | "logMebibytes">;
}

/**
 * A primary that answers requests, and shadows that get copies of them; every request and answer is stored on each side.
 * Shadows run in Standard mode. The route begins once all of them answer, so that no copy of the first requests is lost.
 *
 * @example
 * new ShadowDeployment("next", { name: "next", primary, shadows: { candidate }, percent: 100, ... });
 */
export class ShadowDeployment extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. */
  readonly predictUrl: string;
  /** `<url>@<digest>` of the primary's image. */
  readonly image: pulumi.Output<string>;
  /** `<url>@<digest>` of each shadow's image. */
  readonly shadowImages: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: ShadowDeploymentArgs, options?: pulumi.ComponentResourceOptions) {
    const named = { ...args, gateway: withoutUrl(args.gateway), database: undefined };
    super("menagerie:shadow:ShadowDeployment", name, registered(named), options);
    const recorded = (side: string, model: ShadowedModel): RecordedModel => {
      const { schema, version, dependsOn, ...served } = model;
      const resource = `${name}-${side}`;
      const store = new PredictionStore(
        resource,
        {
          schema,
          retentionDays: args.retentionDays,
          namespace: args.namespace,
          secretName: `${model.service}-recorder`,
          urlFor: args.urlFor,
          database: args.database,
        },
        { parent: this },
      );
      return new RecordedModel(
        resource,
        {
          ...served,
          model: name,
          namespace: args.namespace,
          builder: args.builder,
          store,
          recorder: { ...args.recorder, version },
          readyTimeoutSeconds: args.readyTimeoutSeconds,
          kubeContext: args.kubeContext,
        },
        { parent: this, dependsOn: [store, ...dependsOn] },
      );
    };
    const primary = recorded("primary", args.primary);
    const shadows = Object.entries(args.shadows).map(([side, model]) => [side, recorded(side, model)] as const);
    this.predictUrl = new TrafficMirror(
      name,
      {
        name: args.name,
        namespace: args.namespace,
        primary: { service: args.primary.service, mode: args.primary.mode },
        shadows: Object.values(args.shadows).map(({ service }) => service),
        percent: args.percent,
        gateway: args.gateway,
      },
      { parent: this, dependsOn: [primary, ...shadows.map(([, model]) => model)].map(({ ready }) => ready) },
    ).predictUrl;
    this.image = primary.image;
    this.shadowImages = Object.fromEntries(shadows.map(([side, { image }]) => [side, image]));
    this.registerOutputs({ predictUrl: this.predictUrl });
  }
}
