// Written by src/crds/generate.ts from the CRD of tekton.dev/v1; do not edit.

export interface PipelineRunSpec {
  managedBy?: string;
  params?: {
    name: string;
    value: unknown;
  }[];
  pipelineRef?: {
    apiVersion?: string;
    name?: string;
    params?: {
      name: string;
      value: unknown;
    }[];
    resolver?: string;
  };
  pipelineSpec?: unknown;
  status?: string;
  taskRunSpecs?: {
    computeResources?: {
      claims?: {
        name: string;
        request?: string;
      }[];
      limits?: {
        [k: string]: number | string;
      };
      requests?: {
        [k: string]: number | string;
      };
    };
    metadata?: {
      annotations?: {
        [k: string]: string;
      };
      labels?: {
        [k: string]: string;
      };
    };
    pipelineTaskName?: string;
    podTemplate?: {
      affinity?: unknown;
      automountServiceAccountToken?: boolean;
      dnsConfig?: {
        nameservers?: string[];
        options?: {
          name?: string;
          value?: string;
        }[];
        searches?: string[];
      };
      dnsPolicy?: string;
      enableServiceLinks?: boolean;
      env?: {
        name: string;
        value?: string;
        valueFrom?: {
          configMapKeyRef?: {
            key: string;
            name?: string;
            optional?: boolean;
          };
          fieldRef?: {
            apiVersion?: string;
            fieldPath: string;
          };
          fileKeyRef?: {
            key: string;
            optional?: boolean;
            path: string;
            volumeName: string;
          };
          resourceFieldRef?: {
            containerName?: string;
            divisor?: number | string;
            resource: string;
          };
          secretKeyRef?: {
            key: string;
            name?: string;
            optional?: boolean;
          };
        };
      }[];
      hostAliases?: {
        hostnames?: string[];
        ip: string;
      }[];
      hostNetwork?: boolean;
      hostUsers?: boolean;
      imagePullSecrets?: {
        name?: string;
      }[];
      nodeSelector?: {
        [k: string]: string;
      };
      priorityClassName?: string;
      runtimeClassName?: string;
      schedulerName?: string;
      securityContext?: unknown;
      tolerations?: {
        effect?: string;
        key?: string;
        operator?: string;
        tolerationSeconds?: number;
        value?: string;
      }[];
      topologySpreadConstraints?: {
        labelSelector?: {
          matchExpressions?: {
            key: string;
            operator: string;
            values?: string[];
          }[];
          matchLabels?: {
            [k: string]: string;
          };
        };
        matchLabelKeys?: string[];
        maxSkew: number;
        minDomains?: number;
        nodeAffinityPolicy?: string;
        nodeTaintsPolicy?: string;
        topologyKey: string;
        whenUnsatisfiable: string;
      }[];
      volumes?: unknown;
    };
    serviceAccountName?: string;
    sidecarSpecs?: {
      computeResources: {
        claims?: {
          name: string;
          request?: string;
        }[];
        limits?: {
          [k: string]: number | string;
        };
        requests?: {
          [k: string]: number | string;
        };
      };
      name: string;
    }[];
    stepSpecs?: {
      computeResources: {
        claims?: {
          name: string;
          request?: string;
        }[];
        limits?: {
          [k: string]: number | string;
        };
        requests?: {
          [k: string]: number | string;
        };
      };
      name: string;
    }[];
    timeout?: string;
  }[];
  taskRunTemplate?: {
    podTemplate?: {
      affinity?: unknown;
      automountServiceAccountToken?: boolean;
      dnsConfig?: {
        nameservers?: string[];
        options?: {
          name?: string;
          value?: string;
        }[];
        searches?: string[];
      };
      dnsPolicy?: string;
      enableServiceLinks?: boolean;
      env?: {
        name: string;
        value?: string;
        valueFrom?: {
          configMapKeyRef?: {
            key: string;
            name?: string;
            optional?: boolean;
          };
          fieldRef?: {
            apiVersion?: string;
            fieldPath: string;
          };
          fileKeyRef?: {
            key: string;
            optional?: boolean;
            path: string;
            volumeName: string;
          };
          resourceFieldRef?: {
            containerName?: string;
            divisor?: number | string;
            resource: string;
          };
          secretKeyRef?: {
            key: string;
            name?: string;
            optional?: boolean;
          };
        };
      }[];
      hostAliases?: {
        hostnames?: string[];
        ip: string;
      }[];
      hostNetwork?: boolean;
      hostUsers?: boolean;
      imagePullSecrets?: {
        name?: string;
      }[];
      nodeSelector?: {
        [k: string]: string;
      };
      priorityClassName?: string;
      runtimeClassName?: string;
      schedulerName?: string;
      securityContext?: unknown;
      tolerations?: {
        effect?: string;
        key?: string;
        operator?: string;
        tolerationSeconds?: number;
        value?: string;
      }[];
      topologySpreadConstraints?: {
        labelSelector?: {
          matchExpressions?: {
            key: string;
            operator: string;
            values?: string[];
          }[];
          matchLabels?: {
            [k: string]: string;
          };
        };
        matchLabelKeys?: string[];
        maxSkew: number;
        minDomains?: number;
        nodeAffinityPolicy?: string;
        nodeTaintsPolicy?: string;
        topologyKey: string;
        whenUnsatisfiable: string;
      }[];
      volumes?: unknown;
    };
    serviceAccountName?: string;
  };
  timeouts?: {
    finally?: string;
    pipeline?: string;
    tasks?: string;
  };
  workspaces?: {
    configMap?: {
      defaultMode?: number;
      items?: {
        key: string;
        mode?: number;
        path: string;
      }[];
      name?: string;
      optional?: boolean;
    };
    csi?: {
      driver: string;
      fsType?: string;
      nodePublishSecretRef?: {
        name?: string;
      };
      readOnly?: boolean;
      volumeAttributes?: {
        [k: string]: string;
      };
    };
    emptyDir?: {
      medium?: string;
      sizeLimit?: number | string;
    };
    name: string;
    persistentVolumeClaim?: {
      claimName: string;
      readOnly?: boolean;
    };
    projected?: {
      defaultMode?: number;
      sources?: {
        clusterTrustBundle?: {
          labelSelector?: {
            matchExpressions?: {
              key: string;
              operator: string;
              values?: string[];
            }[];
            matchLabels?: {
              [k: string]: string;
            };
          };
          name?: string;
          optional?: boolean;
          path: string;
          signerName?: string;
        };
        configMap?: {
          items?: {
            key: string;
            mode?: number;
            path: string;
          }[];
          name?: string;
          optional?: boolean;
        };
        downwardAPI?: {
          items?: {
            fieldRef?: {
              apiVersion?: string;
              fieldPath: string;
            };
            mode?: number;
            path: string;
            resourceFieldRef?: {
              containerName?: string;
              divisor?: number | string;
              resource: string;
            };
          }[];
        };
        podCertificate?: {
          certificateChainPath?: string;
          credentialBundlePath?: string;
          keyPath?: string;
          keyType: string;
          maxExpirationSeconds?: number;
          signerName: string;
          userAnnotations?: {
            [k: string]: string;
          };
        };
        secret?: {
          items?: {
            key: string;
            mode?: number;
            path: string;
          }[];
          name?: string;
          optional?: boolean;
        };
        serviceAccountToken?: {
          audience?: string;
          expirationSeconds?: number;
          path: string;
        };
      }[];
    };
    secret?: {
      defaultMode?: number;
      items?: {
        key: string;
        mode?: number;
        path: string;
      }[];
      optional?: boolean;
      secretName?: string;
    };
    subPath?: string;
    volumeClaimTemplate?: unknown;
  }[];
}
