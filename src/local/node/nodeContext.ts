import type { KubeConfig } from "@kubernetes/client-node";
import type { EnvironmentLayout } from "../layout.ts";
import type { ClusterObjects } from "./clusterObjects.ts";
import type { ImagePuller } from "./imagePuller.ts";

/** What all pods of one node share. */
export interface NodeContext {
  readonly layout: EnvironmentLayout;
  readonly name: string;
  /** The node's own identity. */
  readonly config: KubeConfig;
  /** InternalIP of the node. */
  readonly address: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly objects: ClusterObjects;
  readonly puller: ImagePuller;
  /** Path of the container-shim binary. */
  readonly shim: string;
  /** `<layout.nodes>/<name>/pods`. */
  readonly podsFolder: string;
  /** A pod address that no pod has; remembered as taken until {@link releaseAddress}. */
  allocateAddress(): Promise<string>;
  releaseAddress(address: string): void;
  /** One line to the node's log. */
  log(line: string): void;
}
