import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PoolSpec } from "../src/config/environment.ts";
import type { EC2NodeClassSpec } from "../src/crds/ec2NodeClass.ts";
import type { LocalNodeClassSpec } from "../src/crds/localNodeClass.ts";
import type { NodePoolSpec } from "../src/crds/nodePool.ts";
import { nodeClassManifest, nodePoolManifest, taintsOf } from "../src/domain/serving/nodePool.ts";
import { placementOn } from "../src/domain/serving/placement.ts";
import type { Placement } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import type { DeclaredPool } from "../src/environment/parts.ts";
import { gpuPool } from "../src/plan/pools.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link GpuNodePool}, in the words of `menagerie:pools`. */
export interface GpuNodePoolArgs extends OnEnvironment {
  /** The GPU, as Karpenter's label instance-gpu-name says it, and how many each node has. */
  readonly gpu: { readonly kind: string; readonly perNode: number };
  /**
   * Fixed number of nodes. Not together with `limits`.
   * @default nodes come and go with demand
   */
  readonly replicas?: number | undefined;
  /** GPUs of all nodes together, where they come and go with demand. */
  readonly limits?: { readonly gpus: number } | undefined;
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
  readonly taints?: readonly Readonly<PoolSpec["taints"][number]>[] | undefined;
  /**
   * Cores and memory of each local node: only with the local node class.
   * @default { cpu: "16", memory: "64Gi" }
   */
  readonly capacity?: PoolSpec["capacity"];
}

/**
 * Nodes with GPUs: a Karpenter NodePool and its node class. Karpenter makes the nodes on AWS; in the embedded environment
 * its node provisioner does, from the same NodePool. Models of the environment that are declared after it run there by `pool`.
 *
 * @example
 * new GpuNodePool("t4", { environment, gpu: { kind: "t4", perNode: 1 }, limits: { gpus: 8 } });
 */
export class GpuNodePool extends pulumi.ComponentResource implements DeclaredPool {
  /** For models that run here. */
  readonly placement: Placement;

  constructor(name: string, args: GpuNodePoolArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, ...entry } = args;
    const spec = environment.declare("pools", name, entry);
    super("menagerie:capacity:GpuNodePool", name, registered(spec), environment.options(options, []));
    const pool = gpuPool(name, spec, environment.spec.nodeClass);

    const nodeClass = nodeClassManifest(pool);
    const nodeClassSpec: EC2NodeClassSpec | LocalNodeClassSpec | Record<string, never> = nodeClass.spec;
    const classResource = new kubernetes.apiextensions.CustomResource(
      `${name}-nodes`,
      { ...nodeClass, metadata: declared(nodeClass.metadata), spec: nodeClassSpec },
      { parent: this },
    );
    const nodePool = nodePoolManifest(pool);
    const nodePoolSpec: NodePoolSpec = nodePool.spec;
    new kubernetes.apiextensions.CustomResource(
      name,
      { ...nodePool, metadata: declared(nodePool.metadata), spec: nodePoolSpec },
      {
        parent: this,
        dependsOn: classResource,
        // Karpenter refuses to change the node class's kind in place.
        replaceOnChanges: ["spec.template.spec.nodeClassRef"],
        deleteBeforeReplace: true,
      },
    );
    this.placement = placementOn(name, taintsOf(pool));
    environment.declarePool(name, this);
    this.registerOutputs({ pool: name });
  }
}
