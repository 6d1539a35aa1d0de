import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { VirtualServiceSpec } from "../src/crds/virtualService.ts";
import { type Placement, readyPath, type ServedModel, servingPath } from "../src/domain/serving/servedModel.ts";
import { virtualServiceManifest } from "../src/domain/serving/virtualService.ts";
import { describePlan, type PlanBasis, type VersionPlan, versionedName } from "../src/domain/zoo/plan.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { ModelVersion } from "../src/resources/modelVersion.ts";
import { TrussImage } from "../src/resources/trussImage.ts";
import { InferenceService } from "./inferenceService.ts";
import { declared } from "./ownership.ts";

/** Arguments of {@link ModelZooEntry}. */
export interface ModelZooEntryArgs {
  /** Name of the VirtualService: the model's name with dashes for underscores. */
  readonly kubernetesName: string;
  /**
   * The planned version. Its number ends the InferenceService's name, and it is registered once the model answers.
   * @default the model has no versions: the InferenceService is named like the VirtualService, nothing is registered
   */
  readonly version?: ModelZooEntryVersion | undefined;
  /** Namespace that the model is served in. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** Truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of that folder: 64 hex digits. */
  readonly trussHash: string;
  /** What builds the image. */
  readonly builder: "directory";
  /** KServe deployment mode; changing it replaces the InferenceService. */
  readonly mode: ServedModel["mode"];
  /** Pods. */
  readonly replicas: ServedModel["replicas"];
  /** Cores, bytes with a suffix and whole GPUs of one pod. */
  readonly resources: ServedModel["resources"];
  /** Environment variables of the model's container. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where the secrets that the truss names come from.
   * @default none
   */
  readonly secrets?: ServedModel["secrets"];
  /** Nodes that the pods run on. */
  readonly placement: Placement;
  /** Istio Gateway and host names that the model is reached by. */
  readonly gateway: {
    readonly name: string;
    readonly hosts: readonly string[];
    /** Address that clients use, without a path. */
    readonly url: string;
  };
  /** How long the model may take to answer, in seconds. */
  readonly readyTimeoutSeconds: number;
  /**
   * Context of the kubeconfig.
   * @default the kubeconfig's current context
   */
  readonly kubeContext?: string | undefined;
}

/** A version that the program planned, and where it is registered. */
export interface ModelZooEntryVersion {
  readonly plan: VersionPlan;
  readonly basis: PlanBasis;
  /** Exists once the platform's tables and the rights in them do. */
  readonly tables: pulumi.Resource;
  /** New apps use it. */
  readonly current: boolean;
  /**
   * Secret url of the database.
   * @default the environment variable MENAGERIE_DATABASE_URL
   */
  readonly database?: pulumi.Input<string> | undefined;
}

/**
 * One model of the zoo: its image, its InferenceService, its route at the gateway, and the wait until it answers.
 *
 * @example
 * new ModelZooEntry("iris", { kubernetesName: "iris", truss: "models/iris", trussHash, ... }, { dependsOn: namespace });
 */
export class ModelZooEntry extends pulumi.ComponentResource {
  /** Address that takes predictions, up to and including `:predict`. Known before the model answers. */
  readonly predictUrl: string;
  /** `<url>@<digest>` of the image that is served. */
  readonly image: pulumi.Output<string>;
  /** Resolves once the model answers. */
  readonly ready: ModelReady;
  /** Name of the InferenceService: `<name>-v<number>`. */
  readonly service: string;
  /** Id of the registered version; null for a model without versions. */
  readonly versionId: pulumi.Output<string> | null;

  constructor(name: string, args: ModelZooEntryArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:zoo:ModelZooEntry", name, {}, options);
    const { namespace, kubernetesName, mode, gateway, version } = args;
    const children = { parent: this };
    this.service = version ? versionedName(name, version.plan.number) : kubernetesName;
    if (version) tell(this, name, version);
    const identity = { name: kubernetesName, namespace, model: name, kind: "zoo", managedBy: "stack" } as const;

    const image = new TrussImage(
      name,
      { builder: args.builder, folder: args.truss, hash: args.trussHash, name: kubernetesName },
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
          trussHash: args.trussHash,
          env: args.env,
          secrets: args.secrets,
          replicas: args.replicas,
          resources: args.resources,
          placement: args.placement,
        },
      },
      children,
    );
    this.ready = new ModelReady(
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
    const route = virtualServiceManifest({ ...identity, service: this.service, mode, gateway });
    const spec: VirtualServiceSpec = route.spec;
    new kubernetes.apiextensions.CustomResource(
      name,
      { ...route, metadata: declared(route.metadata), spec },
      // Requests go on to the version before until this one answers.
      { ...children, dependsOn: this.ready },
    );
    this.versionId = version ? this.register(name, args.trussHash, image, version) : null;
    this.image = image.image;
    this.predictUrl = `${gateway.url}${servingPath(namespace, kubernetesName)}${readyPath}:predict`;
    this.registerOutputs({ predictUrl: this.predictUrl, image: this.image });
  }

  private register(model: string, hash: string, image: TrussImage, version: ModelZooEntryVersion) {
    return new ModelVersion(
      model,
      {
        model,
        organization: "admin",
        number: version.plan.number,
        hash,
        digest: image.digest,
        current: version.current,
        ...(version.database === undefined ? {} : { database: pulumi.secret(version.database) }),
      },
      // A row stands for content that has answered.
      { parent: this, dependsOn: [version.tables, this.ready] },
    ).versionId;
  }
}

/** Shows the plan in previews. */
function tell(entry: ModelZooEntry, model: string, { plan, basis }: ModelZooEntryVersion): void {
  pulumi.log.info(`${model}: ${describePlan(plan, basis)}`, entry);
  if (!plan.leavesBehind) return;
  const { number, apps } = plan.leavesBehind;
  pulumi.log.warn(
    `${model}: ${apps === 1 ? "1 app points" : `${apps} apps point`} at version ${number}, which is not served any more after this`,
    entry,
  );
}
