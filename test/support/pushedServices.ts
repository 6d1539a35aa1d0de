import type { InferenceServiceManifest } from "../../src/domain/serving/inferenceService.ts";
import type { PushedServices } from "../../src/domain/serving/pushedServices.ts";
import { annotations, labels } from "../../src/domain/serving/servedModel.ts";
import type { MemoryCluster } from "./versionCluster.ts";

/** Services of pushed versions in a {@link MemoryCluster}, with the manifests that were asked for, in order. */
export class MemoryPushedServices implements PushedServices {
  readonly made: InferenceServiceManifest[] = [];
  readonly #cluster: MemoryCluster;

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
  }

  replace: PushedServices["replace"] = async (manifest) => {
    const { metadata } = manifest;
    const versionId = metadata.labels[labels.versionId] ?? "";
    const deploymentId = metadata.annotations[annotations.deployment] ?? "";
    const there = BigInt(this.#cluster.service(versionId)?.deploymentId ?? "0");
    if (there > BigInt(deploymentId)) return "superseded";
    if (there === BigInt(deploymentId)) return "made";
    this.made.push(manifest);
    this.#cluster.deploy(versionId, metadata.annotations[annotations.trussHash] ?? "", undefined, deploymentId);
    return "made";
  };

  remove: PushedServices["remove"] = async (name) => {
    const versionId = name.replace(/^pushed-/, "");
    if (this.#cluster.service(versionId)?.deploymentId !== undefined) this.#cluster.undeploy(versionId);
  };
}
