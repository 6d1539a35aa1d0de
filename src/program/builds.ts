import type * as pulumi from "@pulumi/pulumi";
import { TrussBuildPipeline } from "../../components/trussBuildPipeline.ts";
import { serviceCommand } from "../adapters/images/checkoutImage.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { BuildTarget } from "../domain/builds/pipeline.ts";
import type { PushPipeline } from "../domain/serving/apiPushes.ts";
import { apiAccount } from "../domain/serving/apiService.ts";
import { CheckoutImage } from "../resources/checkoutImage.ts";
import type { ImageBuilder } from "../resources/trussImage.ts";
import type { Cluster } from "./cluster.ts";
import type { EnvironmentFacts } from "./facts.ts";

/** Program of the embedded environment's build step, and the name of its image. */
const directoryBuild = { name: "truss-build", entry: "src/services/trussBuild/main.ts" };

/** What builds the stack's images. */
export function declareBuilds(spec: EnvironmentSpec, facts: EnvironmentFacts, { provider }: Cluster): ImageBuilder {
  const { builds, kubeContext } = spec;
  if (builds.kind === "directory") return { builder: "directory" };
  const { namespace, resources, retries, timeoutMinutes, keep, repository, credentials } = builds;
  const pipeline = new TrussBuildPipeline(
    "builds",
    {
      namespace,
      resources,
      retries,
      timeoutMinutes,
      keep,
      repository,
      credentials,
      kubeContext,
      builders: pushPipeline(spec, facts) ? [{ namespace: spec.services.namespace, name: apiAccount }] : [],
      target: targetOf(spec, facts),
    },
    { providers: [provider] },
  );
  return pipeline.builder;
}

/** The Pipeline that builds what clients push; undefined where something else does, or they cannot push. */
export function pushPipeline(
  { builds, nodeClass, services }: EnvironmentSpec,
  { platform }: EnvironmentFacts,
): PushPipeline | undefined {
  // Pods of the API service that stand for each other need a place in common for uploads.
  if (!platform || builds.kind !== "tekton" || (nodeClass !== "local" && !services.uploads)) return undefined;
  const { namespace, repository, credentials, timeoutMinutes, keep } = builds;
  return { namespace, repository, credentials, timeoutMinutes, keep };
}

function targetOf(
  { builds, nodeClass }: EnvironmentSpec,
  { buildFolders, serviceHash }: EnvironmentFacts,
): BuildTarget<pulumi.Input<string>> {
  if (nodeClass !== "local") {
    if (builds.image === undefined) throw new Error("builds by Tekton were not told BuildKit's image");
    return { kind: "registry", builderImage: builds.image, layerCache: builds.layerCache };
  }
  if (!buildFolders) throw new Error("the program was not told the folders of the embedded environment");
  const image = new CheckoutImage(directoryBuild.name, {
    ...directoryBuild,
    hash: serviceHash ?? "",
    interpreter: true,
  });
  return {
    kind: "directory",
    builderImage: image.image,
    command: serviceCommand(directoryBuild.entry),
    ...buildFolders,
  };
}
