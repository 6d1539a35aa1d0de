// Written by src/crds/generate.ts from the CRD of serving.kserve.io/v1beta1; do not edit.

import type * as kubernetes from "@pulumi/kubernetes";

export interface InferenceServiceSpec {
  canary?: {
    predictor: {
      activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
      affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
      annotations?: {
        [k: string]: string;
      };
      autoScaling?: {
        behavior?: {
          scaleDown?: {
            policies?: {
              periodSeconds: number;
              type: string;
              value: number;
            }[];
            selectPolicy?: string;
            stabilizationWindowSeconds?: number;
            tolerance?: number | string;
          };
          scaleUp?: {
            policies?: {
              periodSeconds: number;
              type: string;
              value: number;
            }[];
            selectPolicy?: string;
            stabilizationWindowSeconds?: number;
            tolerance?: number | string;
          };
        };
        metrics?: {
          external?: {
            authenticationRef?: {
              authModes?: string;
              authenticationRef: {
                name: string;
              };
            };
            metric: {
              backend?: "prometheus" | "graphite";
              namespace?: string;
              query?: string;
              serverAddress?: string;
            };
            target: {
              averageUtilization?: number;
              averageValue?: number | string;
              type?: "Utilization" | "Value" | "AverageValue";
              value?: number | string;
            };
          };
          podmetric?: {
            metric: {
              backend?: "opentelemetry";
              metricNames?: string[];
              operationOverTime?: string;
              query?: string;
              serverAddress?: string;
            };
            target: {
              averageUtilization?: number;
              averageValue?: number | string;
              type?: "Utilization" | "Value" | "AverageValue";
              value?: number | string;
            };
          };
          resource?: {
            name: "cpu" | "memory";
            target: {
              averageUtilization?: number;
              averageValue?: number | string;
              type?: "Utilization" | "Value" | "AverageValue";
              value?: number | string;
            };
          };
          type: "Resource" | "External" | "PodMetric";
        }[];
      };
      automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
      batcher?: {
        maxBatchSize?: number;
        maxLatency?: number;
        timeout?: number;
      };
      canaryTrafficPercent?: number;
      containerConcurrency?: number;
      containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
      deploymentStrategy?: {
        rollingUpdate?: {
          maxSurge?: number | string;
          maxUnavailable?: number | string;
        };
        type?: string;
      };
      dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
      dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
      enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
      ephemeralContainers?: kubernetes.types.input.core.v1.PodSpec["ephemeralContainers"];
      hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
      hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
      hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
      hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
      hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
      hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
      hostnameOverride?: string;
      huggingface?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
      initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
      labels?: {
        [k: string]: string;
      };
      lightgbm?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      logger?: {
        batchInterval?: string;
        batchSize?: number;
        marshallerUrl?: string;
        metadataAnnotations?: string[];
        metadataHeaders?: string[];
        mode?: "all" | "request" | "response";
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          serviceAccountName?: string;
        };
        url?: string;
      };
      maxReplicas?: number;
      minReplicas?: number;
      model?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        modelFormat: {
          name: string;
          version?: string;
        };
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtime?: string;
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      name?: string;
      nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
      nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
      onnx?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      os?: kubernetes.types.input.core.v1.PodSpec["os"];
      overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
      paddle?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      pmml?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
      priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
      priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
      pytorch?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
      resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
      resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
      runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
      scaleMetric?: "cpu" | "memory" | "concurrency" | "rps";
      scaleMetricType?: "Utilization" | "Value" | "AverageValue";
      scaleTarget?: number;
      schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
      schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
      securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
      serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
      serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
      setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
      shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
      sklearn?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      storageContainerName?: string;
      storageUris?: {
        mountPath?: string;
        uri: string;
      }[];
      subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
      tensorflow?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
      timeout?: number;
      tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
      topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
      triton?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
      volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
      workerSpec?: {
        activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
        affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
        automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
        containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
        dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
        dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
        enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
        ephemeralContainers?: kubernetes.types.input.core.v1.PodSpec["ephemeralContainers"];
        hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
        hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
        hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
        hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
        hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
        hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
        hostnameOverride?: string;
        imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
        initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
        nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
        nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
        os?: kubernetes.types.input.core.v1.PodSpec["os"];
        overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
        pipelineParallelSize?: number;
        preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
        priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
        priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
        readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
        resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
        resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
        runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
        schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
        schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
        securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
        serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
        serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
        setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
        shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
        subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
        tensorParallelSize?: number;
        terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
        tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
        topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
        volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
      };
      xgboost?: {
        args?: kubernetes.types.input.core.v1.Container["args"];
        command?: kubernetes.types.input.core.v1.Container["command"];
        confidential?: {
          enabled: boolean;
          resourceId?: string;
        };
        env?: kubernetes.types.input.core.v1.Container["env"];
        envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
        image?: kubernetes.types.input.core.v1.Container["image"];
        imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
        lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
        livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
        name?: kubernetes.types.input.core.v1.Container["name"];
        ports?: kubernetes.types.input.core.v1.Container["ports"];
        protocolVersion?: string;
        readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
        resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
        resources?: kubernetes.types.input.core.v1.Container["resources"];
        restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
        restartPolicyRules?: {
          action: string;
          exitCodes?: {
            operator: string;
            values?: number[];
          };
        }[];
        runtimeVersion?: string;
        securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
        startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
        stdin?: kubernetes.types.input.core.v1.Container["stdin"];
        stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
        storage?: {
          key?: string;
          parameters?: {
            [k: string]: string;
          };
          path?: string;
          schemaPath?: string;
        };
        storageUri?: string;
        terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
        terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
        tty?: kubernetes.types.input.core.v1.Container["tty"];
        volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
        volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
        workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
      };
    };
    trafficPercent: number;
  }[];
  explainer?: {
    activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
    affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
    annotations?: {
      [k: string]: string;
    };
    art?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      config?: {
        [k: string]: string;
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
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      type?: string;
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    autoScaling?: {
      behavior?: {
        scaleDown?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
        scaleUp?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
      };
      metrics?: {
        external?: {
          authenticationRef?: {
            authModes?: string;
            authenticationRef: {
              name: string;
            };
          };
          metric: {
            backend?: "prometheus" | "graphite";
            namespace?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        podmetric?: {
          metric: {
            backend?: "opentelemetry";
            metricNames?: string[];
            operationOverTime?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        resource?: {
          name: "cpu" | "memory";
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        type: "Resource" | "External" | "PodMetric";
      }[];
    };
    automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
    batcher?: {
      maxBatchSize?: number;
      maxLatency?: number;
      timeout?: number;
    };
    canaryTrafficPercent?: number;
    containerConcurrency?: number;
    containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
    deploymentStrategy?: {
      rollingUpdate?: {
        maxSurge?: number | string;
        maxUnavailable?: number | string;
      };
      type?: string;
    };
    dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
    dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
    enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
    hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
    hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
    hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
    hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
    hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
    hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
    hostnameOverride?: string;
    imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
    initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
    labels?: {
      [k: string]: string;
    };
    logger?: {
      batchInterval?: string;
      batchSize?: number;
      marshallerUrl?: string;
      metadataAnnotations?: string[];
      metadataHeaders?: string[];
      mode?: "all" | "request" | "response";
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        serviceAccountName?: string;
      };
      url?: string;
    };
    maxReplicas?: number;
    minReplicas?: number;
    nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
    nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
    os?: kubernetes.types.input.core.v1.PodSpec["os"];
    overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
    preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
    priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
    priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
    readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
    resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
    resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
    restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
    runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
    scaleMetric?: "cpu" | "memory" | "concurrency" | "rps";
    scaleMetricType?: "Utilization" | "Value" | "AverageValue";
    scaleTarget?: number;
    schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
    schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
    securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
    serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
    serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
    setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
    shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
    storageUris?: {
      mountPath?: string;
      uri: string;
    }[];
    subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
    terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
    timeout?: number;
    tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
    topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
    volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
  };
  predictor: {
    activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
    affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
    annotations?: {
      [k: string]: string;
    };
    autoScaling?: {
      behavior?: {
        scaleDown?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
        scaleUp?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
      };
      metrics?: {
        external?: {
          authenticationRef?: {
            authModes?: string;
            authenticationRef: {
              name: string;
            };
          };
          metric: {
            backend?: "prometheus" | "graphite";
            namespace?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        podmetric?: {
          metric: {
            backend?: "opentelemetry";
            metricNames?: string[];
            operationOverTime?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        resource?: {
          name: "cpu" | "memory";
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        type: "Resource" | "External" | "PodMetric";
      }[];
    };
    automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
    batcher?: {
      maxBatchSize?: number;
      maxLatency?: number;
      timeout?: number;
    };
    canaryTrafficPercent?: number;
    containerConcurrency?: number;
    containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
    deploymentStrategy?: {
      rollingUpdate?: {
        maxSurge?: number | string;
        maxUnavailable?: number | string;
      };
      type?: string;
    };
    dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
    dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
    enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
    hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
    hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
    hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
    hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
    hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
    hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
    hostnameOverride?: string;
    huggingface?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
    initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
    labels?: {
      [k: string]: string;
    };
    lightgbm?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    logger?: {
      batchInterval?: string;
      batchSize?: number;
      marshallerUrl?: string;
      metadataAnnotations?: string[];
      metadataHeaders?: string[];
      mode?: "all" | "request" | "response";
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        serviceAccountName?: string;
      };
      url?: string;
    };
    maxReplicas?: number;
    minReplicas?: number;
    model?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      modelFormat?: {
        name: string;
        version?: string;
      };
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtime?: string;
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    name?: string;
    nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
    nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
    onnx?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    os?: kubernetes.types.input.core.v1.PodSpec["os"];
    overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
    paddle?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    pmml?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
    priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
    priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
    pytorch?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
    resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
    resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
    restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
    runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
    scaleMetric?: "cpu" | "memory" | "concurrency" | "rps";
    scaleMetricType?: "Utilization" | "Value" | "AverageValue";
    scaleTarget?: number;
    schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
    schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
    securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
    serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
    serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
    setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
    shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
    sklearn?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    storageContainerName?: string;
    storageUris?: {
      mountPath?: string;
      uri: string;
    }[];
    subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
    tensorflow?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
    timeout?: number;
    tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
    topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
    triton?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
    volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
    workerSpec?: {
      activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
      affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
      automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
      containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
      dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
      dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
      enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
      ephemeralContainers?: kubernetes.types.input.core.v1.PodSpec["ephemeralContainers"];
      hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
      hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
      hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
      hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
      hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
      hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
      hostnameOverride?: string;
      imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
      initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
      nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
      nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
      os?: kubernetes.types.input.core.v1.PodSpec["os"];
      overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
      pipelineParallelSize?: number;
      preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
      priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
      priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
      readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
      resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
      resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
      runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
      schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
      schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
      securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
      serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
      serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
      setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
      shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
      subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
      tensorParallelSize?: number;
      terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
      tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
      topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
      volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
    };
    xgboost?: {
      args?: kubernetes.types.input.core.v1.Container["args"];
      command?: kubernetes.types.input.core.v1.Container["command"];
      confidential?: {
        enabled: boolean;
        resourceId?: string;
      };
      env?: kubernetes.types.input.core.v1.Container["env"];
      envFrom?: kubernetes.types.input.core.v1.Container["envFrom"];
      image?: kubernetes.types.input.core.v1.Container["image"];
      imagePullPolicy?: kubernetes.types.input.core.v1.Container["imagePullPolicy"];
      lifecycle?: kubernetes.types.input.core.v1.Container["lifecycle"];
      livenessProbe?: kubernetes.types.input.core.v1.Container["livenessProbe"];
      name?: kubernetes.types.input.core.v1.Container["name"];
      ports?: kubernetes.types.input.core.v1.Container["ports"];
      protocolVersion?: string;
      readinessProbe?: kubernetes.types.input.core.v1.Container["readinessProbe"];
      resizePolicy?: kubernetes.types.input.core.v1.Container["resizePolicy"];
      resources?: kubernetes.types.input.core.v1.Container["resources"];
      restartPolicy?: kubernetes.types.input.core.v1.Container["restartPolicy"];
      restartPolicyRules?: {
        action: string;
        exitCodes?: {
          operator: string;
          values?: number[];
        };
      }[];
      runtimeVersion?: string;
      securityContext?: kubernetes.types.input.core.v1.Container["securityContext"];
      startupProbe?: kubernetes.types.input.core.v1.Container["startupProbe"];
      stdin?: kubernetes.types.input.core.v1.Container["stdin"];
      stdinOnce?: kubernetes.types.input.core.v1.Container["stdinOnce"];
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        schemaPath?: string;
      };
      storageUri?: string;
      terminationMessagePath?: kubernetes.types.input.core.v1.Container["terminationMessagePath"];
      terminationMessagePolicy?: kubernetes.types.input.core.v1.Container["terminationMessagePolicy"];
      tty?: kubernetes.types.input.core.v1.Container["tty"];
      volumeDevices?: kubernetes.types.input.core.v1.Container["volumeDevices"];
      volumeMounts?: kubernetes.types.input.core.v1.Container["volumeMounts"];
      workingDir?: kubernetes.types.input.core.v1.Container["workingDir"];
    };
  };
  transformer?: {
    activeDeadlineSeconds?: kubernetes.types.input.core.v1.PodSpec["activeDeadlineSeconds"];
    affinity?: kubernetes.types.input.core.v1.PodSpec["affinity"];
    annotations?: {
      [k: string]: string;
    };
    autoScaling?: {
      behavior?: {
        scaleDown?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
        scaleUp?: {
          policies?: {
            periodSeconds: number;
            type: string;
            value: number;
          }[];
          selectPolicy?: string;
          stabilizationWindowSeconds?: number;
          tolerance?: number | string;
        };
      };
      metrics?: {
        external?: {
          authenticationRef?: {
            authModes?: string;
            authenticationRef: {
              name: string;
            };
          };
          metric: {
            backend?: "prometheus" | "graphite";
            namespace?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        podmetric?: {
          metric: {
            backend?: "opentelemetry";
            metricNames?: string[];
            operationOverTime?: string;
            query?: string;
            serverAddress?: string;
          };
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        resource?: {
          name: "cpu" | "memory";
          target: {
            averageUtilization?: number;
            averageValue?: number | string;
            type?: "Utilization" | "Value" | "AverageValue";
            value?: number | string;
          };
        };
        type: "Resource" | "External" | "PodMetric";
      }[];
    };
    automountServiceAccountToken?: kubernetes.types.input.core.v1.PodSpec["automountServiceAccountToken"];
    batcher?: {
      maxBatchSize?: number;
      maxLatency?: number;
      timeout?: number;
    };
    canaryTrafficPercent?: number;
    containerConcurrency?: number;
    containers?: kubernetes.types.input.core.v1.PodSpec["containers"];
    deploymentStrategy?: {
      rollingUpdate?: {
        maxSurge?: number | string;
        maxUnavailable?: number | string;
      };
      type?: string;
    };
    dnsConfig?: kubernetes.types.input.core.v1.PodSpec["dnsConfig"];
    dnsPolicy?: kubernetes.types.input.core.v1.PodSpec["dnsPolicy"];
    enableServiceLinks?: kubernetes.types.input.core.v1.PodSpec["enableServiceLinks"];
    hostAliases?: kubernetes.types.input.core.v1.PodSpec["hostAliases"];
    hostIPC?: kubernetes.types.input.core.v1.PodSpec["hostIPC"];
    hostNetwork?: kubernetes.types.input.core.v1.PodSpec["hostNetwork"];
    hostPID?: kubernetes.types.input.core.v1.PodSpec["hostPID"];
    hostUsers?: kubernetes.types.input.core.v1.PodSpec["hostUsers"];
    hostname?: kubernetes.types.input.core.v1.PodSpec["hostname"];
    hostnameOverride?: string;
    imagePullSecrets?: kubernetes.types.input.core.v1.PodSpec["imagePullSecrets"];
    initContainers?: kubernetes.types.input.core.v1.PodSpec["initContainers"];
    labels?: {
      [k: string]: string;
    };
    logger?: {
      batchInterval?: string;
      batchSize?: number;
      marshallerUrl?: string;
      metadataAnnotations?: string[];
      metadataHeaders?: string[];
      mode?: "all" | "request" | "response";
      storage?: {
        key?: string;
        parameters?: {
          [k: string]: string;
        };
        path?: string;
        serviceAccountName?: string;
      };
      url?: string;
    };
    maxReplicas?: number;
    minReplicas?: number;
    nodeName?: kubernetes.types.input.core.v1.PodSpec["nodeName"];
    nodeSelector?: kubernetes.types.input.core.v1.PodSpec["nodeSelector"];
    os?: kubernetes.types.input.core.v1.PodSpec["os"];
    overhead?: kubernetes.types.input.core.v1.PodSpec["overhead"];
    preemptionPolicy?: kubernetes.types.input.core.v1.PodSpec["preemptionPolicy"];
    priority?: kubernetes.types.input.core.v1.PodSpec["priority"];
    priorityClassName?: kubernetes.types.input.core.v1.PodSpec["priorityClassName"];
    readinessGates?: kubernetes.types.input.core.v1.PodSpec["readinessGates"];
    resourceClaims?: kubernetes.types.input.core.v1.PodSpec["resourceClaims"];
    resources?: kubernetes.types.input.core.v1.PodSpec["resources"];
    restartPolicy?: kubernetes.types.input.core.v1.PodSpec["restartPolicy"];
    runtimeClassName?: kubernetes.types.input.core.v1.PodSpec["runtimeClassName"];
    scaleMetric?: "cpu" | "memory" | "concurrency" | "rps";
    scaleMetricType?: "Utilization" | "Value" | "AverageValue";
    scaleTarget?: number;
    schedulerName?: kubernetes.types.input.core.v1.PodSpec["schedulerName"];
    schedulingGates?: kubernetes.types.input.core.v1.PodSpec["schedulingGates"];
    securityContext?: kubernetes.types.input.core.v1.PodSpec["securityContext"];
    serviceAccount?: kubernetes.types.input.core.v1.PodSpec["serviceAccount"];
    serviceAccountName?: kubernetes.types.input.core.v1.PodSpec["serviceAccountName"];
    setHostnameAsFQDN?: kubernetes.types.input.core.v1.PodSpec["setHostnameAsFQDN"];
    shareProcessNamespace?: kubernetes.types.input.core.v1.PodSpec["shareProcessNamespace"];
    storageUris?: {
      mountPath?: string;
      uri: string;
    }[];
    subdomain?: kubernetes.types.input.core.v1.PodSpec["subdomain"];
    terminationGracePeriodSeconds?: kubernetes.types.input.core.v1.PodSpec["terminationGracePeriodSeconds"];
    timeout?: number;
    tolerations?: kubernetes.types.input.core.v1.PodSpec["tolerations"];
    topologySpreadConstraints?: kubernetes.types.input.core.v1.PodSpec["topologySpreadConstraints"];
    volumes?: kubernetes.types.input.core.v1.PodSpec["volumes"];
  };
}
