// Written by src/crds/generate.ts from the CRD of karpenter.sh/v1; do not edit.

export interface NodePoolSpec {
  disruption?: {
    budgets?: {
      duration?: string;
      nodes: string;
      reasons?: ("Underutilized" | "Empty" | "Drifted" | "Unhealthy")[];
      schedule?: string;
    }[];
    consolidateAfter?: string;
    consolidationPolicy?: "WhenEmpty" | "WhenEmptyOrUnderutilized" | "Balanced";
  };
  limits?: {
    [k: string]: number | string;
  };
  replicas?: number;
  template: {
    metadata?: {
      annotations?: {
        [k: string]: string;
      };
      labels?: {
        [k: string]: string;
      };
    };
    spec: {
      expireAfter?: string;
      nodeClassRef: {
        group: string;
        kind: string;
        name: string;
      };
      requirements: {
        key: string;
        minValues?: number;
        operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" | "Gte" | "Lte";
        values?: string[];
      }[];
      startupTaints?: {
        effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
        key: string;
        timeAdded?: string;
        value?: string;
      }[];
      taints?: {
        effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
        key: string;
        timeAdded?: string;
        value?: string;
      }[];
      terminationGracePeriod?: string;
    };
  };
  weight?: number;
}
