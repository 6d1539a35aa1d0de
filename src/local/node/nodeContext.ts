import type { V1Pod } from "@kubernetes/client-node";
import type { ClusterObjects } from "./clusterObjects.ts";
import type { PodLink } from "./podLink.ts";

/** Objects that pods refer to, by their path in the API. */
export type NamedObjects = Pick<ClusterObjects, "get">;

/** What all pods of one node share. */
export interface NodeContext {
  /** Image store. */
  readonly images: string;
  /** Folder of the host that pods may mount parts of. */
  readonly hostVolumes: string;
  /** InternalIP of the node. */
  readonly address: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly objects: NamedObjects;
  /** Sees to it that an image that a pod names comes into the store. Never waits: throws why it is not there, see `ImagePuller`. */
  want(pod: V1Pod, reference: string): void;
  /** A container that was ready once is started again without a delay when it ends, however often. @default as kubelet's back-off says */
  readonly restartsAtOnce?: boolean;
  /** Path of the container-shim binary. */
  readonly shim: string;
  /** `<layout.nodes>/<name>/pods`. */
  readonly podsFolder: string;
  /** The way to a pod's object; each pod has one of its own. */
  link(): PodLink;
  /** A pod address that no pod has; remembered as taken until {@link releaseAddress}. */
  allocateAddress(): Promise<string>;
  releaseAddress(address: string): void;
  /** One line to the node's log. */
  log(line: string): void;
}
