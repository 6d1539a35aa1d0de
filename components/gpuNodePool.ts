import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { EC2NodeClassSpec } from "../src/crds/ec2NodeClass.ts";
import type { LocalNodeClassSpec } from "../src/crds/localNodeClass.ts";
import type { NodePoolSpec } from "../src/crds/nodePool.ts";
import { type GpuPool, nodeClassManifest, nodePoolManifest, taintsOf } from "../src/domain/serving/nodePool.ts";
import { placementOn } from "../src/domain/serving/placement.ts";
import type { Placement } from "../src/domain/serving/servedModel.ts";
import { declared } from "./ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link GpuNodePool}. */
export interface GpuNodePoolArgs extends Omit<GpuPool, "name" | "instanceTypes" | "zones" | "taints"> {
  /**
   * EC2 instance types to choose from.
   * @default every type with these GPUs
   */
  readonly instanceTypes?: readonly string[] | undefined;
  /**
   * Availability zones to choose from.
   * @default those of the node class's subnets
   */
  readonly zones?: readonly string[] | undefined;
  /**
   * Taints beside `nvidia.com/gpu=present:NoSchedule`; models of the pool tolerate them.
   * @default []
   */
  readonly taints?: GpuPool["taints"];
}

/**
 * Nodes with GPUs: a Karpenter NodePool and its node class. Karpenter makes the nodes on AWS; in the embedded environment
 * its node provisioner does, from the same NodePool.
 *
 * @example
 * new GpuNodePool("t4", { gpu: { kind: "t4", perNode: 1 }, size: { gpus: 8 }, nodes: { kind: "ec2", ... } });
 */
export class GpuNodePool extends pulumi.ComponentResource {
  /** For models that run here. */
  readonly placement: Placement;

  constructor(name: string, args: GpuNodePoolArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:capacity:GpuNodePool", name, registered(args), options);
    const { instanceTypes = [], zones = [], taints = [] } = args;
    const pool: GpuPool = { ...args, name, instanceTypes, zones, taints };

    const nodeClass = nodeClassManifest(pool);
    const nodeClassSpec: EC2NodeClassSpec | LocalNodeClassSpec | Record<string, never> = nodeClass.spec;
    const classResource = new kubernetes.apiextensions.CustomResource(
      `${name}-nodes`,
      { ...nodeClass, metadata: declared(nodeClass.metadata), spec: nodeClassSpec },
      { parent: this },
    );
    const nodePool = nodePoolManifest(pool);
    const spec: NodePoolSpec = nodePool.spec;
    new kubernetes.apiextensions.CustomResource(
      name,
      { ...nodePool, metadata: declared(nodePool.metadata), spec },
      {
        parent: this,
        dependsOn: classResource,
        // Karpenter refuses to change the node class's kind in place.
        replaceOnChanges: ["spec.template.spec.nodeClassRef"],
        deleteBeforeReplace: true,
      },
    );
    this.placement = placementOn(name, taintsOf(pool));
    this.registerOutputs({ pool: name });
  }
}
