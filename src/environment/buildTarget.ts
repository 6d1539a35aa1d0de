import type * as pulumi from "@pulumi/pulumi";
import { serviceCommand } from "../adapters/images/checkoutImage.ts";
import type { BuildTarget } from "../domain/builds/pipeline.ts";
import { CheckoutImage } from "../resources/checkoutImage.ts";
import type { Environment } from "./environment.ts";

/** Program of the embedded environment's build step, and the name of its image. */
const directoryBuild = { name: "truss-build", entry: "src/services/trussBuild/main.ts" };

/** What a build ends with: an image in a registry, or a folder of this machine in the embedded environment. */
export function buildTarget(environment: Environment): BuildTarget<pulumi.Input<string>> {
  const { builds, nodeClass } = environment.spec;
  if (nodeClass !== "local") {
    if (builds.image === undefined) throw new Error("builds by Tekton were not told BuildKit's image");
    return { kind: "registry", builderImage: builds.image, layerCache: builds.layerCache };
  }
  const { buildFolders } = environment.facts;
  if (!buildFolders) throw new Error("the program was not told the folders of the embedded environment");
  const { image } = new CheckoutImage(directoryBuild.name, {
    ...directoryBuild,
    hash: environment.checkoutHash,
    interpreter: true,
  });
  return { kind: "directory", builderImage: image, command: serviceCommand(directoryBuild.entry), ...buildFolders };
}
