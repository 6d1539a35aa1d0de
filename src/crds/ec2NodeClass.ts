// Written by src/crds/generate.ts from the CRD of karpenter.k8s.aws/v1; do not edit.

export interface EC2NodeClassSpec {
  amiFamily?: "AL2" | "AL2023" | "Bottlerocket" | "Custom" | "Windows2019" | "Windows2022" | "Windows2025";
  amiSelectorTerms: {
    alias?: string;
    id?: string;
    name?: string;
    owner?: string;
    ssmParameter?: string;
    tags?: {
      [k: string]: string;
    };
  }[];
  associatePublicIPAddress?: boolean;
  blockDeviceMappings?: {
    deviceName?: string;
    ebs?: {
      deleteOnTermination?: boolean;
      encrypted?: boolean;
      iops?: number;
      kmsKeyID?: string;
      snapshotID?: string;
      throughput?: number;
      volumeInitializationRate?: number;
      volumeSize?: string;
      volumeType?: "standard" | "io1" | "io2" | "gp2" | "sc1" | "st1" | "gp3";
    };
    rootVolume?: boolean;
  }[];
  capacityReservationSelectorTerms?: {
    id?: string;
    instanceMatchCriteria?: "open" | "targeted";
    ownerID?: string;
    tags?: {
      [k: string]: string;
    };
  }[];
  connectionTracking?: {
    tcpEstablishedTimeout?: number;
    udpStreamTimeout?: number;
    udpTimeout?: number;
  };
  context?: string;
  cpuOptions?: {
    nestedVirtualization?: "enabled" | "disabled";
  };
  detailedMonitoring?: boolean;
  enclaveOptions?: {
    enabled: boolean;
  };
  instanceProfile?: string;
  instanceStorePolicy?: "RAID0";
  ipPrefixCount?: number;
  kubelet?: {
    [k: string]: unknown;
  };
  metadataOptions?: {
    httpEndpoint?: "enabled" | "disabled";
    httpProtocolIPv6?: "enabled" | "disabled";
    httpPutResponseHopLimit?: number;
    httpTokens?: "required" | "optional";
  };
  networkInterfaces?: {
    deviceIndex: number;
    interfaceType: "interface" | "efa-only";
    networkCardIndex: number;
  }[];
  placementGroupSelector?: {
    id?: string;
    name?: string;
  };
  role?: string;
  securityGroupSelectorTerms: {
    id?: string;
    name?: string;
    tags?: {
      [k: string]: string;
    };
  }[];
  subnetSelectorTerms: {
    id?: string;
    tags?: {
      [k: string]: string;
    };
  }[];
  tags?: {
    [k: string]: string;
  };
  userData?: string;
}
