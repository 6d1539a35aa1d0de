import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describeDevelopment } from "../src/domain/development/describe.ts";
import { baseHashOf, type DeployedVersion, type DevelopmentPlan } from "../src/domain/development/plan.ts";
import { activatorPath, modelRoute } from "../src/domain/serving/modelRoute.ts";
import type { Backend, ClientGateway } from "../src/domain/serving/route.ts";
import { type Placement, readyPath, type ServedModel, servingPath } from "../src/domain/serving/servedModel.ts";
import { DevelopmentModelVersion } from "../src/resources/developmentModelVersion.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { PatchSync } from "../src/resources/patchSync.ts";
import { type ImageBuilder, TrussImage } from "../src/resources/trussImage.ts";
import { InferenceService } from "./inferenceService.ts";
import { declared } from "./ownership.ts";
import { registered } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";

/** Arguments of {@link DevelopmentVersion}. */
export interface DevelopmentVersionArgs {
  /** Name of the VirtualService: the model's name with dashes for underscores. */
  readonly kubernetesName: string;
  /** Namespace that the model is served in. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** Truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of that folder: 64 hex digits. */
  readonly trussHash: string;
  /** What this `up` does about the content, and from what. */
  readonly plan: DevelopmentPlan;
  readonly deployed: DeployedVersion | undefined;
  /**
   * Content that the folder counts as having had before, by the plan.
   * @default that of the last full deployment
   */
  readonly declaredBefore?: string | undefined;
  /** Number of the version; it stays while its content moves. */
  readonly number: number;
  /**
   * Id of its row.
   * @default it is registered by this `up`
   */
  readonly versionId?: string | undefined;
  /** What builds the image. */
  readonly builder: ImageBuilder;
  /** KServe deployment mode; changing it replaces the InferenceService. */
  readonly mode: ServedModel["mode"];
  /** Cores, bytes with a suffix and whole GPUs of the one pod. */
  readonly resources: ServedModel["resources"];
  /** Environment variables of the model's container. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where the secrets that the truss names come from.
   * @default none
   */
  readonly secrets?: ServedModel["secrets"];
  /** Nodes that the pod runs on. */
  readonly placement: Placement;
  /** PriorityClass of the pod, below that of models with users. */
  readonly priorityClass: pulumi.Input<string>;
  /**
   * Minutes without a request after which it is scaled to zero.
   * @default never in Standard mode, Knative's own rule in Knative mode
   */
  readonly idleMinutes?: number | undefined;
  /** Let the folder win where it and the head have both moved. */
  readonly takeover: boolean;
  /** Istio Gateway and host names that the model is reached by. */
  readonly gateway: ClientGateway;
  /** The API service, which keeps the patches and sends them. */
  readonly api: {
    /** Address by which the engine reaches it, without a path. */
    readonly url: string;
    /** The stack's own key. A secret. */
    readonly key: pulumi.Input<string>;
    /** Its Service: it stands in the version's route in Standard mode, to wake it. */
    readonly backend: Backend;
    /** Value of PATCH_PING_URL_TRUSS for a version. A secret. */
    pingUrl(versionId: pulumi.Input<string>): pulumi.Output<string>;
    /** Exists once the service answers. */
    readonly ready: pulumi.Resource;
  };
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
  /** How long the model may take to answer, in seconds. */
  readonly readyTimeoutSeconds: number;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
}

/**
 * One development version: a model on exactly one pod that is patched in place while it runs. A full deployment, when
 * patches cannot do it, changes the same version: its service is deleted and made again.
 *
 * The image and HASH_TRUSS are those of the last full deployment and never depend on the sync, whose outputs are unknown
 * in the preview of a patch.
 *
 * @example
 * new DevelopmentVersion("greeter", { truss: "models/greeter", trussHash, plan, ... }, { dependsOn: namespace });
 */
export class DevelopmentVersion extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. */
  readonly predictUrl: string;
  /** `<url>@<digest>` of the last full deployment. */
  readonly image: pulumi.Output<string>;
  /** Name of the InferenceService. */
  readonly service: string;
  /** Id of the version's row. */
  readonly versionId: pulumi.Output<string>;

  constructor(name: string, args: DevelopmentVersionArgs, options?: pulumi.ComponentResourceOptions) {
    const { namespace, kubernetesName, mode, gateway, plan, api } = args;
    const { truss, resources, env, idleMinutes, takeover, placement, readyTimeoutSeconds } = args;
    super(
      "menagerie:development:DevelopmentVersion",
      name,
      registered({ truss, mode, pool: placement.pool, resources, env, idleMinutes, takeover, readyTimeoutSeconds }),
      options,
    );
    const children = { parent: this };
    pulumi.log.info(`${name}: ${describeDevelopment(plan)}`, this);
    const baseHash = baseHashOf(plan, args.deployed);
    this.service = `${kubernetesName}-dev`;
    const identity = { name: kubernetesName, namespace, model: name, kind: "development", managedBy: "stack" } as const;

    const image = new TrussImage(
      name,
      { ...args.builder, folder: args.truss, hash: baseHash, name: this.service },
      children,
    );
    const row = new DevelopmentModelVersion(
      name,
      {
        model: name,
        organization: "admin",
        number: args.number,
        hash: baseHash,
        digest: image.digest,
        ...(args.database === undefined ? {} : { database: pulumi.secret(args.database) }),
      },
      children,
    );
    // Known, so that a preview of a full deployment shows what becomes of the service.
    this.versionId = args.versionId === undefined ? row.versionId : pulumi.output(args.versionId);
    // Apart, or the engine would take the whole container for a secret, and no policy could look into it.
    const ping = `${this.service}-ping`;
    const pingSecret = new kubernetes.core.v1.Secret(
      name,
      { metadata: declared({ name: ping, namespace }), stringData: { url: api.pingUrl(this.versionId) } },
      children,
    );
    const service = new InferenceService(
      name,
      {
        model: {
          ...identity,
          name: this.service,
          mode,
          image: image.image,
          trussHash: baseHash,
          env: args.env,
          secrets: args.secrets,
          replicas: { min: mode === "Knative" ? 0 : 1, max: 1 },
          resources: args.resources,
          placement: args.placement,
          control: {
            versionId: this.versionId,
            ping: { secret: ping },
            priorityClass: args.priorityClass,
            idleMinutes: args.idleMinutes,
          },
        },
      },
      { ...children, dependsOn: [row, pingSecret, api.ready] },
    );
    const sync = new PatchSync(
      name,
      {
        model: name,
        versionId: this.versionId,
        folder: args.truss,
        declaredHash: args.trussHash,
        ...(args.declaredBefore === undefined ? {} : { declaredBefore: args.declaredBefore }),
        baseHash,
        deploys: plan.kind === "deploy",
        takeover: args.takeover,
        api: api.url,
        apiKey: api.key,
        timeoutSeconds: args.readyTimeoutSeconds,
      },
      { ...children, dependsOn: service },
    );
    // Beside the sync, which starts the model: this one knows why a pod does not come up.
    const ready = new ModelReady(
      name,
      {
        namespace,
        name: this.service,
        revision: service.revision,
        mode,
        pool: args.placement.pool,
        path: readyPath,
        timeoutSeconds: args.readyTimeoutSeconds,
        ...(args.kubeContext === undefined ? {} : { context: args.kubeContext }),
      },
      { ...children, dependsOn: service },
    );
    const route = modelRoute<pulumi.Input<string>>({
      ...identity,
      service: this.service,
      mode,
      gateway,
      // Knative has an activator of its own.
      ...(mode === "Knative" ? {} : { activator: { backend: api.backend, path: this.versionId.apply(activatorPath) } }),
    });
    // The API service answers for a version in Standard mode before the version does.
    deployRoute(name, { route }, { ...children, dependsOn: mode === "Knative" ? ready : service });
    this.image = image.image;
    this.predictUrl = `${gateway.url}${servingPath(namespace, kubernetesName)}${readyPath}:predict`;
    this.registerOutputs({ predictUrl: this.predictUrl, image: this.image, headHash: sync.headHash });
  }
}
