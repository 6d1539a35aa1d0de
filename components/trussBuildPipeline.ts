import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PipelineSpec } from "../src/crds/pipeline.ts";
import type { TaskSpec } from "../src/crds/task.ts";
import { buildAccess, buildNamespaceManifest } from "../src/domain/builds/buildAccess.ts";
import { directoryClaims, directoryVolumeManifests } from "../src/domain/builds/directoryTask.ts";
import { buildPipelineManifest, buildTaskManifest } from "../src/domain/builds/pipeline.ts";
import { apiAccount } from "../src/domain/serving/apiService.ts";
import { buildTarget } from "../src/environment/buildTarget.ts";
import { declared } from "../src/environment/ownership.ts";
import { pushPipeline } from "../src/environment/pushPipeline.ts";
import { refuse } from "../src/environment/refusals.ts";
import type { ImageBuilder } from "../src/resources/trussImage.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link TrussBuildPipeline}: what it builds with is the environment's `builds`. */
export type TrussBuildPipelineArgs = OnEnvironment;

/**
 * What builds the images of trusses in a cluster: a namespace of its own with a Tekton Task and Pipeline, an account without
 * rights, a Role for whoever runs `up`, and no way in from the network. Each image is built by a PipelineRun that is named
 * by the truss's hash and made by the resource `TrussImage`, which waits for it. Models of the environment that are declared after it are
 * built by it.
 *
 * @example
 * const builds = new TrussBuildPipeline("builds", { namespace: "menagerie-builds", target, ... }, { providers: [cluster] });
 * new TrussImage("iris", { ...builds.builder, folder: "models/iris", hash, name: "iris" });
 */
export class TrussBuildPipeline extends pulumi.ComponentResource {
  /** Builds when all of this is there. */
  readonly builder: ImageBuilder;

  constructor(name: string, args: TrussBuildPipelineArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment } = args;
    const { builds, services } = environment.spec;
    if (builds.kind !== "tekton") throw refuse("component.builds-directory", { name });
    super("menagerie:builds:TrussBuildPipeline", name, registered(builds), environment.options(options, []));
    const { namespace } = builds;
    const target = buildTarget(environment);
    const builders = pushPipeline(environment) ? [{ namespace: services.namespace, name: apiAccount }] : [];
    const parent = { parent: this };
    const space = buildNamespaceManifest(namespace);
    const spaceResource = new kubernetes.core.v1.Namespace(namespace, { metadata: declared(space.metadata) }, parent);
    const inNamespace = { ...parent, dependsOn: spaceResource };
    const { account, role, bindings, isolation } = buildAccess(namespace, builders);
    const { ServiceAccount } = kubernetes.core.v1;
    const accountResource = new ServiceAccount(name, { ...account, metadata: declared(account.metadata) }, inNamespace);
    const roleResource = new kubernetes.rbac.v1.Role(name, { ...role, metadata: declared(role.metadata) }, inNamespace);
    for (const binding of bindings) {
      new kubernetes.rbac.v1.RoleBinding(
        binding.metadata.name,
        { ...binding, metadata: declared(binding.metadata) },
        { ...parent, dependsOn: roleResource },
      );
    }
    const isolationResource = new kubernetes.networking.v1.NetworkPolicy(
      name,
      { ...isolation, metadata: declared(isolation.metadata) },
      inNamespace,
    );
    const taskManifest = buildTaskManifest({ ...builds, target });
    const taskSpec: pulumi.Input<TaskSpec> = pulumi.output(taskManifest.spec);
    const task = this.custom(`${name}-task`, { ...taskManifest, spec: taskSpec }, [spaceResource]);
    const pipelineManifest = buildPipelineManifest({ ...builds, target });
    const pipelineSpec: PipelineSpec = pipelineManifest.spec;
    const pipeline = this.custom(name, { ...pipelineManifest, spec: pipelineSpec }, [task]);
    const volumes =
      target.kind === "directory"
        ? [
            ...this.folder(namespace, directoryClaims.store, target.store, spaceResource),
            ...this.folder(namespace, directoryClaims.cache, target.cache, spaceResource),
          ]
        : [];
    const needed = [pipeline, accountResource, isolationResource, ...volumes];
    const { buildPipeline } = environment;
    this.builder = {
      builder: "tekton",
      // Whatever builds waits for all of it; names are known in a preview, too.
      pipeline: pulumi.all(needed.map((resource) => resource.metadata)).apply(() => buildPipeline),
    };
    environment.parts.builder = this.builder;
    this.registerOutputs({ namespace });
  }

  private custom(
    name: string,
    manifest: { apiVersion: string; kind: string; metadata: object; spec: object },
    dependsOn: pulumi.Resource[],
  ) {
    return new kubernetes.apiextensions.CustomResource(
      name,
      { ...manifest, metadata: declared(manifest.metadata) },
      { parent: this, dependsOn },
    );
  }

  /** A folder of this machine as a volume of the build pods. */
  private folder(namespace: string, name: string, path: string, space: pulumi.Resource) {
    const { volume, claim } = directoryVolumeManifests(namespace, name, path);
    const { PersistentVolume, PersistentVolumeClaim } = kubernetes.core.v1;
    const made = new PersistentVolume(
      name,
      { ...volume, metadata: declared(volume.metadata) },
      // Its source cannot be changed.
      { parent: this, deleteBeforeReplace: true },
    );
    return [
      new PersistentVolumeClaim(
        name,
        { ...claim, metadata: declared(claim.metadata) },
        { parent: this, dependsOn: [space, made] },
      ),
    ];
  }
}
