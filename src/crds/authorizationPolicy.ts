// Written by src/crds/generate.ts from the CRD of security.istio.io/v1; do not edit.

export interface AuthorizationPolicySpec {
  action?: "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";
  provider?: {
    name?: string;
  };
  rules?: {
    from?: {
      source?: {
        ipBlocks?: string[];
        namespaces?: string[];
        notIpBlocks?: string[];
        notNamespaces?: string[];
        notPrincipals?: string[];
        notRemoteIpBlocks?: string[];
        notRequestPrincipals?: string[];
        notServiceAccounts?: string[];
        notTrustDomains?: string[];
        principals?: string[];
        remoteIpBlocks?: string[];
        requestPrincipals?: string[];
        serviceAccounts?: string[];
        trustDomains?: string[];
      };
    }[];
    to?: {
      operation?: {
        hosts?: string[];
        methods?: string[];
        notHosts?: string[];
        notMethods?: string[];
        notPaths?: string[];
        notPorts?: string[];
        paths?: string[];
        ports?: string[];
      };
    }[];
    when?: {
      key: string;
      notValues?: string[];
      values?: string[];
    }[];
  }[];
  selector?: {
    matchLabels?: {
      [k: string]: string;
    };
  };
  targetRef?: {
    group?: string;
    kind: string;
    name: string;
    namespace?: string;
  };
  targetRefs?: {
    group?: string;
    kind: string;
    name: string;
    namespace?: string;
  }[];
}
