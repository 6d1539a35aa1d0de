import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { describeDevelopment } from "../src/domain/development/describe.ts";
import { baseHashOf } from "../src/domain/development/plan.ts";
import { apiBackend } from "../src/domain/serving/apiService.ts";
import { activatorPath, modelRoute } from "../src/domain/serving/modelRoute.ts";
import { readyPath, servingPath } from "../src/domain/serving/servedModel.ts";
import { kubernetesName } from "../src/domain/zoo/plan.ts";
import { given } from "../src/environment/given.ts";
import { declared } from "../src/environment/ownership.ts";
import { refuse } from "../src/environment/refusals.ts";
import { DevelopmentModelVersion } from "../src/resources/developmentModelVersion.ts";
import { ModelReady } from "../src/resources/modelReady.ts";
import { PatchSync } from "../src/resources/patchSync.ts";
import { TrussImage } from "../src/resources/trussImage.ts";
import { InferenceService } from "./inferenceService.ts";
import type { ModelArgs, OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";
import { deployRoute } from "./route.ts";

/** Arguments of {@link DevelopmentVersion}, in the words of `menagerie:development`. */
export interface DevelopmentVersionArgs extends OnEnvironment, ModelArgs {
  /**
   * Minutes without a request after which it is scaled to zero; the next request wakes it, patched.
   * @default never in Standard mode, 10 in Knative mode
   */
  readonly idleMinutes?: number | undefined;
  /**
   * Let the folder win where it and the running head have both changed since the last `up`.
   * @default false, and such an `up` is refused
   */
  readonly takeover?: boolean | undefined;
}

/**
 * One development version: a model on exactly one pod that is patched in place while it runs. A full deployment, when
 * patches cannot do it, changes the same version: its service is deleted and made again.
 *
 * The image and HASH_TRUSS are those of the last full deployment and never depend on the sync, whose outputs are unknown
 * in the preview of a patch.
 *
 * @example
 * new DevelopmentVersion("greeter", { environment, truss: "models/greeter", idleMinutes: 30 });
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
    const { environment, ...entry } = args;
    const { services } = environment.parts;
    if (!environment.hasDatabase) throw refuse("component.database-missing", { kind: "DevelopmentVersion", name });
    if (!services) throw refuse("component.services-missing", { kind: "DevelopmentVersion", name });
    const version = environment.declare("development", name, entry);
    const { truss, mode, pool, env, resources, idleMinutes, takeover } = version;
    const { placement, resources: nodes } = environment.nodesOf(pool);
    const { hash, secrets: named } = environment.plans.truss(truss, ["development", name, "truss"]);
    const user = { path: ["development", name], model: name, service: name, serving: { truss, secrets: named } };
    const secrets = environment.plans.secrets(user);
    const { plan, deployed, declaredBefore, number, versionId } = environment.plans.development(name, version);
    super(
      "menagerie:development:DevelopmentVersion",
      name,
      registered(version),
      environment.options(options, [...environment.parts.ready, ...nodes, ...environment.tables]),
    );
    const { namespace, gateway, serving, services: served } = environment.spec;
    const children = { parent: this };
    pulumi.log.info(`${name}: ${describeDevelopment(plan)}`, this);
    const baseHash = baseHashOf(plan, deployed);
    const inKubernetes = kubernetesName(name);
    this.service = `${inKubernetes}-dev`;
    const identity = { name: inKubernetes, namespace, model: name, kind: "development", managedBy: "stack" } as const;

    const image = new TrussImage(
      name,
      { ...environment.builder, folder: truss, hash: baseHash, name: this.service },
      children,
    );
    const row = new DevelopmentModelVersion(
      name,
      {
        model: name,
        organization: "admin",
        number,
        hash: baseHash,
        digest: image.digest,
        ...environment.onDatabase,
      },
      children,
    );
    // Known, so that a preview of a full deployment shows what becomes of the service.
    this.versionId = versionId === undefined ? row.versionId : pulumi.output(versionId);
    // Apart, or the engine would take the whole container for a secret, and no policy could look into it.
    const ping = `${this.service}-ping`;
    const pingSecret = new kubernetes.core.v1.Secret(
      name,
      { metadata: declared({ name: ping, namespace }), stringData: { url: services.pingUrl(this.versionId) } },
      children,
    );
    const service = new InferenceService(
      name,
      {
        environment,
        service: this.service,
        model: name,
        kind: "development",
        mode,
        image: image.image,
        trussHash: baseHash,
        env,
        secrets,
        replicas: { min: mode === "Knative" ? 0 : 1, max: 1 },
        resources,
        pool,
        control: {
          versionId: this.versionId,
          ping: { secret: ping },
          priorityClass: environment.developmentPriority().metadata.name,
          idleMinutes,
        },
      },
      { ...children, dependsOn: [row, pingSecret, services] },
    );
    const sync = new PatchSync(
      name,
      {
        model: name,
        versionId: this.versionId,
        folder: truss,
        declaredHash: hash,
        ...given({ declaredBefore }),
        baseHash,
        deploys: plan.kind === "deploy",
        takeover,
        ...given({ api: served.declaredApiUrl }),
        apiKey: services.adminKey,
        timeoutSeconds: serving.readyTimeoutSeconds,
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
        pool: placement.pool,
        path: readyPath,
        timeoutSeconds: serving.readyTimeoutSeconds,
        ...environment.inCluster,
      },
      { ...children, dependsOn: service },
    );
    const route = modelRoute<pulumi.Input<string>>({
      ...identity,
      service: this.service,
      mode,
      gateway,
      // Knative has an activator of its own.
      ...(mode === "Knative"
        ? {}
        : {
            activator: {
              backend: apiBackend(served.namespace),
              pathOf: (inner) => this.versionId.apply((id) => activatorPath(id, inner)),
            },
          }),
    });
    environment.endIdleConnections(namespace);
    // The API service answers for a version in Standard mode before the version does.
    deployRoute(name, { route }, { ...children, dependsOn: mode === "Knative" ? ready : service });
    this.image = image.image;
    this.predictUrl = `${gateway.url}${servingPath(namespace, inKubernetes)}${readyPath}:predict`;
    environment.outputs.models[name] = {
      name: this.service,
      namespace,
      kind: "development",
      mode,
      pool,
      truss,
      hash,
      baseHash,
      versionId: this.versionId,
      version: number,
      image: this.image,
      url: this.predictUrl,
    };
    this.registerOutputs({ predictUrl: this.predictUrl, image: this.image, headHash: sync.headHash });
  }
}
