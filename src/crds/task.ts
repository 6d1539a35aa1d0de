// Written by src/crds/generate.ts from the CRD of tekton.dev/v1; do not edit.

import type * as kubernetes from "@pulumi/kubernetes";

export interface TaskSpec {
  description?: string;
  displayName?: string;
  params?: {
    default?: unknown;
    description?: string;
    enum?: string[];
    name: string;
    properties?: {
      [k: string]: {
        type?: string;
      };
    };
    type?: string;
  }[];
  results?: {
    description?: string;
    name: string;
    properties?: {
      [k: string]: {
        type?: string;
      };
    };
    type?: string;
    value?: unknown;
  }[];
  sidecars?: {
    args?: kubernetes.types.input.core.v1.Container["args"];
    command?: kubernetes.types.input.core.v1.Container["command"];
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
    env?: kubernetes.types.input.core.v1.Container["env"];
    envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
    image?: kubernetes.types.input.core.v1.Container["image"];
    imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
    lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
    livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
    name?: kubernetes.types.input.core.v1.Container["name"];
    ports?: kubernetes.types.input.core.v1.Container["ports"];
    readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
    restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
    script?: string;
    securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
    startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
    stdin?: kubernetes.types.input.core.v1.Container["stdin"];
    stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
    terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
    terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
    tty?: kubernetes.types.input.core.v1.Container["tty"];
    volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
    volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
    workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    workspaces?: {
      mountPath: string;
      name: string;
    }[];
  }[];
  stepTemplate?: {
    args?: string[];
    command?: string[];
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
    envFrom?: {
      configMapRef?: {
        name?: string;
        optional?: boolean;
      };
      prefix?: string;
      secretRef?: {
        name?: string;
        optional?: boolean;
      };
    }[];
    image?: string;
    imagePullPolicy?: string;
    securityContext?: {
      allowPrivilegeEscalation?: boolean;
      appArmorProfile?: {
        localhostProfile?: string;
        type: string;
      };
      capabilities?: {
        add?: string[];
        drop?: string[];
      };
      privileged?: boolean;
      procMount?: string;
      readOnlyRootFilesystem?: boolean;
      runAsGroup?: number;
      runAsNonRoot?: boolean;
      runAsUser?: number;
      seLinuxOptions?: {
        level?: string;
        role?: string;
        type?: string;
        user?: string;
      };
      seccompProfile?: {
        localhostProfile?: string;
        type: string;
      };
      windowsOptions?: {
        gmsaCredentialSpec?: string;
        gmsaCredentialSpecName?: string;
        hostProcess?: boolean;
        runAsUserName?: string;
      };
    };
    volumeDevices?: {
      devicePath: string;
      name: string;
    }[];
    volumeMounts?: {
      mountPath: string;
      mountPropagation?: string;
      name: string;
      readOnly?: boolean;
      recursiveReadOnly?: string;
      subPath?: string;
      subPathExpr?: string;
    }[];
    workingDir?: string;
  };
  steps?: {
    args?: string[];
    command?: string[];
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
    displayName?: string;
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
    envFrom?: {
      configMapRef?: {
        name?: string;
        optional?: boolean;
      };
      prefix?: string;
      secretRef?: {
        name?: string;
        optional?: boolean;
      };
    }[];
    image?: string;
    imagePullPolicy?: string;
    name: string;
    onError?: string;
    params?: {
      name: string;
      value: unknown;
    }[];
    ref?: {
      name?: string;
      params?: {
        name: string;
        value: unknown;
      }[];
      resolver?: string;
    };
    results?: {
      description?: string;
      name: string;
      properties?: {
        [k: string]: {
          type?: string;
        };
      };
      type?: string;
    }[];
    script?: string;
    securityContext?: {
      allowPrivilegeEscalation?: boolean;
      appArmorProfile?: {
        localhostProfile?: string;
        type: string;
      };
      capabilities?: {
        add?: string[];
        drop?: string[];
      };
      privileged?: boolean;
      procMount?: string;
      readOnlyRootFilesystem?: boolean;
      runAsGroup?: number;
      runAsNonRoot?: boolean;
      runAsUser?: number;
      seLinuxOptions?: {
        level?: string;
        role?: string;
        type?: string;
        user?: string;
      };
      seccompProfile?: {
        localhostProfile?: string;
        type: string;
      };
      windowsOptions?: {
        gmsaCredentialSpec?: string;
        gmsaCredentialSpecName?: string;
        hostProcess?: boolean;
        runAsUserName?: string;
      };
    };
    stderrConfig?: {
      path?: string;
    };
    stdoutConfig?: {
      path?: string;
    };
    timeout?: string;
    volumeDevices?: {
      devicePath: string;
      name: string;
    }[];
    volumeMounts?: {
      mountPath: string;
      mountPropagation?: string;
      name: string;
      readOnly?: boolean;
      recursiveReadOnly?: string;
      subPath?: string;
      subPathExpr?: string;
    }[];
    when?: {
      cel?: string;
      input?: string;
      operator?: string;
      values?: string[];
    }[];
    workingDir?: string;
    workspaces?: {
      mountPath: string;
      name: string;
    }[];
  }[];
  volumes?: unknown;
  workspaces?: {
    description?: string;
    mountPath?: string;
    name: string;
    optional?: boolean;
    readOnly?: boolean;
  }[];
}
