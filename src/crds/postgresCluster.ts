// Written by src/crds/generate.ts from the CRD of postgres-operator.crunchydata.com/v1beta1; do not edit.

import type * as kubernetes from "@pulumi/kubernetes";

export interface PostgresClusterSpec {
  authentication?: {
    rules?: {
      connection?: string;
      databases?: string[];
      hba?: string;
      method?: string;
      options?: {
        [k: string]: number | string;
      };
      users?: string[];
    }[];
  };
  backups?: {
    pgbackrest?: {
      configuration?: {
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
      global?: {
        [k: string]: string;
      };
      image?: string;
      jobs?: {
        affinity?: {
          nodeAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              preference: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
              nodeSelectorTerms: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              }[];
            };
          };
          podAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
          podAntiAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
        };
        log?: {
          path?: string;
        };
        priorityClassName?: string;
        resources?: {
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
        tolerations?: {
          effect?: string;
          key?: string;
          operator?: string;
          tolerationSeconds?: number;
          value?: string;
        }[];
        ttlSecondsAfterFinished?: number;
        volumes?: {
          additional?: {
            claimName?: string;
            containers?: string[];
            image?: {
              pullPolicy?: "Always" | "Never" | "IfNotPresent";
              reference: string;
            };
            name: string;
            readOnly?: boolean;
          }[];
        };
      };
      log?: {
        path?: string;
      };
      manual?: {
        options?: string[];
        repoName: string;
      };
      metadata?: {
        annotations?: {
          [k: string]: string;
        };
        labels?: {
          [k: string]: string;
        };
      };
      repoHost?: {
        affinity?: {
          nodeAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              preference: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
              nodeSelectorTerms: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              }[];
            };
          };
          podAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
          podAntiAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
        };
        log?: {
          path?: string;
        };
        priorityClassName?: string;
        resources?: {
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
        sshConfigMap?: {
          items?: {
            key: string;
            mode?: number;
            path: string;
          }[];
          name?: string;
          optional?: boolean;
        };
        sshSecret?: {
          items?: {
            key: string;
            mode?: number;
            path: string;
          }[];
          name?: string;
          optional?: boolean;
        };
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
        volumes?: {
          additional?: {
            claimName?: string;
            containers?: string[];
            image?: {
              pullPolicy?: "Always" | "Never" | "IfNotPresent";
              reference: string;
            };
            name: string;
            readOnly?: boolean;
          }[];
        };
      };
      repos: {
        azure?: {
          container: string;
        };
        gcs?: {
          bucket: string;
        };
        name: string;
        s3?: {
          bucket: string;
          endpoint: string;
          region: string;
        };
        schedules?: {
          differential?: string;
          full?: string;
          incremental?: string;
        };
        volume?: {
          volumeClaimSpec: {
            accessModes?: string[];
            autoGrow?: {
              maxGrow?: number | string;
              trigger?: number;
            };
            dataSource?: {
              apiGroup?: string;
              kind: string;
              name: string;
            };
            dataSourceRef?: {
              apiGroup?: string;
              kind: string;
              name: string;
              namespace?: string;
            };
            resources?: {
              limits?: {
                [k: string]: number | string;
              };
              requests?: {
                [k: string]: number | string;
              };
            };
            selector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            storageClassName?: string;
            volumeAttributesClassName?: string;
            volumeMode?: string;
            volumeName?: string;
          };
        };
      }[];
      restore?: {
        affinity?: {
          nodeAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              preference: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
              nodeSelectorTerms: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchFields?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
              }[];
            };
          };
          podAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
          podAntiAffinity?: {
            preferredDuringSchedulingIgnoredDuringExecution?: {
              podAffinityTerm: {
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
                mismatchLabelKeys?: string[];
                namespaceSelector?: {
                  matchExpressions?: {
                    key: string;
                    operator: string;
                    values?: string[];
                  }[];
                  matchLabels?: {
                    [k: string]: string;
                  };
                };
                namespaces?: string[];
                topologyKey: string;
              };
              weight: number;
            }[];
            requiredDuringSchedulingIgnoredDuringExecution?: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            }[];
          };
        };
        clusterName?: string;
        clusterNamespace?: string;
        enabled: boolean;
        options?: string[];
        priorityClassName?: string;
        repoName: string;
        resources?: {
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
        tolerations?: {
          effect?: string;
          key?: string;
          operator?: string;
          tolerationSeconds?: number;
          value?: string;
        }[];
        volumes?: {
          additional?: {
            claimName?: string;
            containers?: string[];
            image?: {
              pullPolicy?: "Always" | "Never" | "IfNotPresent";
              reference: string;
            };
            name: string;
            readOnly?: boolean;
          }[];
        };
      };
      sidecars?: {
        pgbackrest?: {
          resources?: {
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
        };
        pgbackrestConfig?: {
          resources?: {
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
        };
      };
    };
    snapshots?: {
      volumeSnapshotClassName: string;
    };
  };
  config?: {
    files?: {
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
    parameters?: {
      [k: string]: number | string;
    };
  };
  customReplicationTLSSecret?: {
    items?: {
      key: string;
      mode?: number;
      path: string;
    }[];
    name?: string;
    optional?: boolean;
  };
  customTLSSecret?: {
    items?: {
      key: string;
      mode?: number;
      path: string;
    }[];
    name?: string;
    optional?: boolean;
  };
  dataSource?: {
    pgbackrest?: {
      affinity?: {
        nodeAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            preference: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
            nodeSelectorTerms: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            }[];
          };
        };
        podAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
        podAntiAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
      };
      configuration?: {
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
      global?: {
        [k: string]: string;
      };
      options?: string[];
      priorityClassName?: string;
      repo: {
        azure?: {
          container: string;
        };
        gcs?: {
          bucket: string;
        };
        name: string;
        s3?: {
          bucket: string;
          endpoint: string;
          region: string;
        };
        schedules?: {
          differential?: string;
          full?: string;
          incremental?: string;
        };
        volume?: {
          volumeClaimSpec: {
            accessModes?: string[];
            autoGrow?: {
              maxGrow?: number | string;
              trigger?: number;
            };
            dataSource?: {
              apiGroup?: string;
              kind: string;
              name: string;
            };
            dataSourceRef?: {
              apiGroup?: string;
              kind: string;
              name: string;
              namespace?: string;
            };
            resources?: {
              limits?: {
                [k: string]: number | string;
              };
              requests?: {
                [k: string]: number | string;
              };
            };
            selector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            storageClassName?: string;
            volumeAttributesClassName?: string;
            volumeMode?: string;
            volumeName?: string;
          };
        };
      };
      resources?: {
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
      stanza: string;
      tolerations?: {
        effect?: string;
        key?: string;
        operator?: string;
        tolerationSeconds?: number;
        value?: string;
      }[];
      volumes?: {
        additional?: {
          claimName?: string;
          containers?: string[];
          image?: {
            pullPolicy?: "Always" | "Never" | "IfNotPresent";
            reference: string;
          };
          name: string;
          readOnly?: boolean;
        }[];
      };
    };
    postgresCluster?: {
      affinity?: {
        nodeAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            preference: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
            nodeSelectorTerms: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            }[];
          };
        };
        podAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
        podAntiAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
      };
      clusterName?: string;
      clusterNamespace?: string;
      options?: string[];
      priorityClassName?: string;
      repoName: string;
      resources?: {
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
      tolerations?: {
        effect?: string;
        key?: string;
        operator?: string;
        tolerationSeconds?: number;
        value?: string;
      }[];
      volumes?: {
        additional?: {
          claimName?: string;
          containers?: string[];
          image?: {
            pullPolicy?: "Always" | "Never" | "IfNotPresent";
            reference: string;
          };
          name: string;
          readOnly?: boolean;
        }[];
      };
    };
    volumes?: {
      pgBackRestVolume?: {
        directory?: string;
        pvcName: string;
      };
      pgDataVolume?: {
        directory?: string;
        pvcName: string;
      };
      pgWALVolume?: {
        directory?: string;
        pvcName: string;
      };
    };
  };
  databaseInitSQL?: {
    key: string;
    name: string;
  };
  disableDefaultPodScheduling?: boolean;
  image?: string;
  imagePullPolicy?: "Always" | "Never" | "IfNotPresent";
  imagePullSecrets?: {
    name?: string;
  }[];
  instances: {
    affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
    containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
    dataVolumeClaimSpec: {
      accessModes?: string[];
      autoGrow?: {
        maxGrow?: number | string;
        trigger?: number;
      };
      dataSource?: {
        apiGroup?: string;
        kind: string;
        name: string;
      };
      dataSourceRef?: {
        apiGroup?: string;
        kind: string;
        name: string;
        namespace?: string;
      };
      resources?: {
        limits?: {
          [k: string]: number | string;
        };
        requests?: {
          [k: string]: number | string;
        };
      };
      selector?: {
        matchExpressions?: {
          key: string;
          operator: string;
          values?: string[];
        }[];
        matchLabels?: {
          [k: string]: string;
        };
      };
      storageClassName?: string;
      volumeAttributesClassName?: string;
      volumeMode?: string;
      volumeName?: string;
    };
    metadata?: {
      annotations?: {
        [k: string]: string;
      };
      labels?: {
        [k: string]: string;
      };
    };
    minAvailable?: number | string;
    name?: string;
    priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
    replicas?: number;
    resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
    sidecars?: {
      replicaCertCopy?: {
        resources?: {
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
      };
    };
    tablespaceVolumes?: {
      dataVolumeClaimSpec: {
        accessModes?: string[];
        dataSource?: {
          apiGroup?: string;
          kind: string;
          name: string;
        };
        dataSourceRef?: {
          apiGroup?: string;
          kind: string;
          name: string;
          namespace?: string;
        };
        resources?: {
          limits?: {
            [k: string]: number | string;
          };
          requests?: {
            [k: string]: number | string;
          };
        };
        selector?: {
          matchExpressions?: {
            key: string;
            operator: string;
            values?: string[];
          }[];
          matchLabels?: {
            [k: string]: string;
          };
        };
        storageClassName?: string;
        volumeAttributesClassName?: string;
        volumeMode?: string;
        volumeName?: string;
      };
      name: string;
    }[];
    tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
    topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
    volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
    walVolumeClaimSpec?: {
      accessModes?: string[];
      autoGrow?: {
        maxGrow?: number | string;
        trigger?: number;
      };
      dataSource?: {
        apiGroup?: string;
        kind: string;
        name: string;
      };
      dataSourceRef?: {
        apiGroup?: string;
        kind: string;
        name: string;
        namespace?: string;
      };
      resources?: {
        limits?: {
          [k: string]: number | string;
        };
        requests?: {
          [k: string]: number | string;
        };
      };
      selector?: {
        matchExpressions?: {
          key: string;
          operator: string;
          values?: string[];
        }[];
        matchLabels?: {
          [k: string]: string;
        };
      };
      storageClassName?: string;
      volumeAttributesClassName?: string;
      volumeMode?: string;
      volumeName?: string;
    };
  }[];
  instrumentation?: {
    config?: {
      detectors?: {
        attributes?: {
          [k: string]: boolean;
        };
        name: string;
      }[];
      environmentVariables?: {
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
      exporters?: { [key: string]: unknown };
      files?: {
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
    image?: string;
    logs?: {
      batches?: {
        maxDelay?: string;
        maxRecords?: number;
        minRecords?: number;
      };
      exporters?: string[];
      retentionPeriod?: string;
    };
    metrics?: {
      customQueries?: {
        add?: {
          collectionInterval?: string;
          databases?: string[];
          name: string;
          queries: {
            key: string;
            name: string;
          };
        }[];
        remove?: string[];
      };
      exporters?: string[];
      perDBMetricTargets?: string[];
    };
    resources?: {
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
  };
  metadata?: {
    annotations?: {
      [k: string]: string;
    };
    labels?: {
      [k: string]: string;
    };
  };
  monitoring?: {
    pgmonitor?: {
      exporter?: {
        configuration?: {
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
        customTLSSecret?: {
          items?: {
            key: string;
            mode?: number;
            path: string;
          }[];
          name?: string;
          optional?: boolean;
        };
        image?: string;
        resources?: {
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
      };
    };
  };
  openshift?: boolean;
  patroni?: {
    dynamicConfiguration?: { [key: string]: unknown };
    leaderLeaseDurationSeconds?: number;
    logging?: {
      level?: "CRITICAL" | "ERROR" | "WARNING" | "INFO" | "DEBUG" | "NOTSET";
      storageLimit: number | string;
    };
    port?: number;
    switchover?: {
      enabled: boolean;
      targetInstance?: string;
      type?: "Switchover" | "Failover";
    };
    syncPeriodSeconds?: number;
  };
  paused?: boolean;
  port?: number;
  postGISVersion?: string;
  postgresVersion: number;
  proxy?: {
    pgBouncer: {
      affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
      config?: {
        databases?: {
          [k: string]: string;
        };
        files?: {
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
        global?: {
          [k: string]: string;
        };
        users?: {
          [k: string]: string;
        };
      };
      containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
      customTLSSecret?: {
        items?: {
          key: string;
          mode?: number;
          path: string;
        }[];
        name?: string;
        optional?: boolean;
      };
      image?: string;
      metadata?: {
        annotations?: {
          [k: string]: string;
        };
        labels?: {
          [k: string]: string;
        };
      };
      minAvailable?: number | string;
      port?: number;
      priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
      replicas?: number;
      resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
      service?: {
        externalTrafficPolicy?: "Cluster" | "Local";
        internalTrafficPolicy?: "Cluster" | "Local";
        ipFamilies?: ("IPv4" | "IPv6")[];
        ipFamilyPolicy?: "SingleStack" | "PreferDualStack" | "RequireDualStack";
        metadata?: {
          annotations?: {
            [k: string]: string;
          };
          labels?: {
            [k: string]: string;
          };
        };
        nodePort?: number;
        type?: "ClusterIP" | "NodePort" | "LoadBalancer";
      };
      sidecars?: {
        pgbouncerConfig?: {
          resources?: {
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
        };
      };
      tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
      topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
      volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
    };
  };
  replicaService?: {
    externalTrafficPolicy?: "Cluster" | "Local";
    internalTrafficPolicy?: "Cluster" | "Local";
    ipFamilies?: ("IPv4" | "IPv6")[];
    ipFamilyPolicy?: "SingleStack" | "PreferDualStack" | "RequireDualStack";
    metadata?: {
      annotations?: {
        [k: string]: string;
      };
      labels?: {
        [k: string]: string;
      };
    };
    nodePort?: number;
    type?: "ClusterIP" | "NodePort" | "LoadBalancer";
  };
  service?: {
    externalTrafficPolicy?: "Cluster" | "Local";
    internalTrafficPolicy?: "Cluster" | "Local";
    ipFamilies?: ("IPv4" | "IPv6")[];
    ipFamilyPolicy?: "SingleStack" | "PreferDualStack" | "RequireDualStack";
    metadata?: {
      annotations?: {
        [k: string]: string;
      };
      labels?: {
        [k: string]: string;
      };
    };
    nodePort?: number;
    type?: "ClusterIP" | "NodePort" | "LoadBalancer";
  };
  shutdown?: boolean;
  standby?: {
    enabled?: boolean;
    host?: string;
    port?: number;
    repoName?: string;
  };
  supplementalGroups?: number[];
  userInterface?: {
    pgAdmin: {
      affinity?: {
        nodeAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            preference: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
            nodeSelectorTerms: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchFields?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
            }[];
          };
        };
        podAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
        podAntiAffinity?: {
          preferredDuringSchedulingIgnoredDuringExecution?: {
            podAffinityTerm: {
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
              mismatchLabelKeys?: string[];
              namespaceSelector?: {
                matchExpressions?: {
                  key: string;
                  operator: string;
                  values?: string[];
                }[];
                matchLabels?: {
                  [k: string]: string;
                };
              };
              namespaces?: string[];
              topologyKey: string;
            };
            weight: number;
          }[];
          requiredDuringSchedulingIgnoredDuringExecution?: {
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
            mismatchLabelKeys?: string[];
            namespaceSelector?: {
              matchExpressions?: {
                key: string;
                operator: string;
                values?: string[];
              }[];
              matchLabels?: {
                [k: string]: string;
              };
            };
            namespaces?: string[];
            topologyKey: string;
          }[];
        };
      };
      config?: {
        files?: {
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
        ldapBindPassword?: {
          key: string;
          name: string;
          optional?: boolean;
        };
        settings?: { [key: string]: unknown };
      };
      dataVolumeClaimSpec: {
        accessModes?: string[];
        dataSource?: {
          apiGroup?: string;
          kind: string;
          name: string;
        };
        dataSourceRef?: {
          apiGroup?: string;
          kind: string;
          name: string;
          namespace?: string;
        };
        resources?: {
          limits?: {
            [k: string]: number | string;
          };
          requests?: {
            [k: string]: number | string;
          };
        };
        selector?: {
          matchExpressions?: {
            key: string;
            operator: string;
            values?: string[];
          }[];
          matchLabels?: {
            [k: string]: string;
          };
        };
        storageClassName?: string;
        volumeAttributesClassName?: string;
        volumeMode?: string;
        volumeName?: string;
      };
      image?: string;
      metadata?: {
        annotations?: {
          [k: string]: string;
        };
        labels?: {
          [k: string]: string;
        };
      };
      priorityClassName?: string;
      replicas?: number;
      resources?: {
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
      service?: {
        externalTrafficPolicy?: "Cluster" | "Local";
        internalTrafficPolicy?: "Cluster" | "Local";
        ipFamilies?: ("IPv4" | "IPv6")[];
        ipFamilyPolicy?: "SingleStack" | "PreferDualStack" | "RequireDualStack";
        metadata?: {
          annotations?: {
            [k: string]: string;
          };
          labels?: {
            [k: string]: string;
          };
        };
        nodePort?: number;
        type?: "ClusterIP" | "NodePort" | "LoadBalancer";
      };
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
    };
  };
  users?: {
    databases?: string[];
    name: string;
    options?: string;
    password?: {
      type: "ASCII" | "AlphaNumeric";
    };
  }[];
}
