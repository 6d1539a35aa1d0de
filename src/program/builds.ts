import { TrussBuildPipeline } from "../../components/trussBuildPipeline.ts";
import { serviceCommand } from "../adapters/images/checkoutImage.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { BuildTarget } from "../domain/builds/pipeline.ts";
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
      ...{ namespace, resources, retries, timeoutMinutes, keep, repository, credentials, kubeContext },
      target: targetOf(spec, facts),
    },
    { providers: [provider] },
  );
  return pipeline.builder;
}

function targetOf(
  { builds, nodeClass }: EnvironmentSpec,
  { buildFolders, serviceHash }: EnvironmentFacts,
): BuildTarget {
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
