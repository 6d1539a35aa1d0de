import { describe, expect, it } from "vitest";
import { servedPrefixes } from "../../../../src/domain/protocols/operations.ts";
import { recordsEverything } from "../../../../src/domain/recording/settings.ts";
import { apiBackend, apiRights, apiRoute } from "../../../../src/domain/serving/apiService.ts";
import { controlAccessManifest, controlServiceManifest } from "../../../../src/domain/serving/controlAccess.ts";
import { inferenceServiceManifest } from "../../../../src/domain/serving/inferenceService.ts";
import { askingGateway, keyCheckManifest, labelsOfAsking } from "../../../../src/domain/serving/keyCheck.ts";
import { mirroredRoute } from "../../../../src/domain/serving/mirroredRoute.ts";
import { activatorPath, type ModelRoute, modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import {
  type GpuPool,
  nodeClassManifest,
  nodePoolManifest,
  taintsOf,
} from "../../../../src/domain/serving/nodePool.ts";
import { placementOn } from "../../../../src/domain/serving/placement.ts";
import { recorderTransformer, revisedTransformer } from "../../../../src/domain/serving/recorder.ts";
import { revisionOf, withRevision } from "../../../../src/domain/serving/revision.ts";
import type { ScaleTarget } from "../../../../src/domain/serving/scaleTarget.ts";
import type { ServedModel } from "../../../../src/domain/serving/servedModel.ts";

const iris: ServedModel = {
  name: "iris",
  namespace: "models",
  model: "iris",
  kind: "zoo",
  managedBy: "stack",
  mode: "Standard",
  image: "menagerie.local/truss/iris@sha256:00",
  trussHash: "abc",
  env: { B: "2", A: "1" },
  replicas: { min: 1, max: 1 },
  resources: { cpu: "1", memory: "2Gi", gpus: 0 },
  placement: placementOn("cpu", []),
};
const onGpu = { resources: { ...iris.resources, gpus: 1 }, placement: placementOn("t4", taintsOf({ taints: [] })) };

const recorderOf = {
  image: "menagerie.local/recorder@sha256:00",
  secretName: "recorder",
  secretRevision: "1",
  schema: "recorded_iris",
  version: "abc",
  replicas: 2,
  storedHeaders: [],
  settings: recordsEverything,
  logMebibytes: 64,
};

const predictor = (changes: Partial<ServedModel> = {}) =>
  inferenceServiceManifest({ ...iris, ...changes }).spec.predictor;
const container = (changes: Partial<ServedModel> = {}) => predictor(changes).containers[0];
const ruleOf = (route: Pick<ModelRoute, "gateway"> & Partial<ModelRoute>) => modelRoute({ ...iris, ...route }).rules[0];

describe("the InferenceService of a model", () => {
  it("on ordinary nodes starts the new pod before it ends the old one", () => {
    expect(predictor()).toMatchObject({
      deploymentStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      nodeSelector: { "menagerie.dev/pool": "cpu" },
      tolerations: [],
    });
  });

  it("on GPUs ends the old pod first, asks for the GPU and tolerates its node", () => {
    expect(predictor(onGpu)).toMatchObject({
      deploymentStrategy: { type: "Recreate" },
      nodeSelector: { "menagerie.dev/pool": "t4" },
      tolerations: [{ key: "nvidia.com/gpu", operator: "Equal", value: "present", effect: "NoSchedule" }],
    });
    expect(container(onGpu)?.resources.limits["nvidia.com/gpu"]).toBe("1");
  });

  it("requests what it is limited to", () => {
    const { requests, limits } = container()?.resources ?? {};
    expect(requests).toEqual({ cpu: "1", memory: "2Gi" });
    expect(limits).toEqual(requests);
  });

  it("has no autoscaler at a fixed number of pods", () => {
    const key = "serving.kserve.io/autoscalerClass";
    const annotationsAt = (changes: Partial<ServedModel>) =>
      inferenceServiceManifest({ ...iris, ...changes }).metadata.annotations;
    expect(annotationsAt({})[key]).toBe("none");
    expect(annotationsAt({ replicas: { min: 1, max: 2 } })[key]).toBeUndefined();
    expect(annotationsAt({ mode: "Knative" })[key]).toBeUndefined();
  });

  it("in Knative mode leaves out what Knative refuses", () => {
    const knative = predictor({ mode: "Knative", replicas: { min: 0, max: 2 } });
    expect(knative).not.toHaveProperty("deploymentStrategy");
    expect(knative).not.toHaveProperty("terminationGracePeriodSeconds");
    expect(knative.minReplicas).toBe(0);
  });

  it("that may sleep has a pod while it is not stopped, and says after how long it is", () => {
    const replicas = { min: 0, max: 3, idleMinutes: 20 };
    expect(predictor({ replicas })).toMatchObject({ minReplicas: 1, maxReplicas: 3 });
    const annotationsAt = (changes: Partial<ServedModel>) =>
      inferenceServiceManifest({ ...iris, ...changes }).metadata.annotations;
    expect(annotationsAt({ replicas })).toMatchObject({ "menagerie.dev/idle-minutes": "20" });
    expect(annotationsAt({ replicas })).not.toHaveProperty("serving.kserve.io/stop");
    expect(annotationsAt({ replicas: { min: 0, max: 1, idleMinutes: 20 } })).toMatchObject({
      "serving.kserve.io/autoscalerClass": "none",
    });
    expect(annotationsAt({ replicas, mode: "Knative" })).toMatchObject({
      "autoscaling.knative.dev/scale-to-zero-pod-retention-period": "20m",
    });
  });

  it("gets no token of the cluster and lists its environment in a fixed order", () => {
    expect(predictor().automountServiceAccountToken).toBe(false);
    expect(container()?.env).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ]);
  });

  it("passes on an image that is known only later", () => {
    const later = Promise.resolve("x");
    expect(
      inferenceServiceManifest({ ...iris, image: later, control: undefined, recorder: undefined }).spec.predictor
        .containers[0]?.image,
    ).toBe(later);
  });
});

describe("the target of a model", () => {
  const counters = { url: "http://prometheus:9090", gatewayNamespace: "istio-ingress", servicesNamespace: "menagerie" };
  const scaled = (target: ScaleTarget, more: Partial<ServedModel> = {}) =>
    inferenceServiceManifest({ ...iris, counters, replicas: { min: 1, max: 4, target }, ...more });
  const classOf = (manifest: ReturnType<typeof scaled>) =>
    manifest.metadata.annotations["serving.kserve.io/autoscalerClass"];

  it("by CPU is a HorizontalPodAutoscaler's, which KServe makes where no class is named", () => {
    const manifest = scaled({ cpu: 70 });
    expect(classOf(manifest)).toBeUndefined();
    const { minReplicas, maxReplicas, scaleMetric, scaleTarget, autoScaling } = manifest.spec.predictor;
    expect({ minReplicas, maxReplicas, scaleMetric, scaleTarget, autoScaling }).toEqual({
      minReplicas: 1,
      maxReplicas: 4,
      scaleMetric: "cpu",
      scaleTarget: 70,
      autoScaling: undefined,
    });
  });

  it.each([{ concurrency: 8 }, { rps: 20 }])("by %j is KEDA's, which takes no scaleMetric", (target) => {
    const manifest = scaled(target);
    expect(classOf(manifest)).toBe("keda");
    const { scaleMetric, scaleTarget, autoScaling } = manifest.spec.predictor;
    expect([scaleMetric, scaleTarget]).toEqual([undefined, undefined]);
    const [metric, ...more] = autoScaling?.metrics ?? [];
    expect(more).toEqual([]);
    expect(metric?.external.metric).toMatchObject({ backend: "prometheus", serverAddress: "http://prometheus:9090" });
    expect(metric?.external.target).toEqual({ type: "Value", value: String(Object.values(target)[0]) });
    expect(metric?.external).not.toHaveProperty("authenticationRef");
  });

  it.each([{ cpu: 70 }, { rps: 20 }])("by %j stays where pods are kept, and only its least rises", (target) => {
    for (const keptPods of [3, 4]) {
      const { minReplicas, ...usual } = scaled(target).spec.predictor;
      const kept = scaled(target, { keptPods });
      expect(kept.spec.predictor).toEqual({ ...usual, minReplicas: keptPods });
      expect(classOf(kept)).toBe(classOf(scaled(target)));
    }
    expect(scaled(target, { keptPods: 0 })).toEqual(scaled(target));
  });

  it("asks a Prometheus that wants a token with the one of the namespace", () => {
    const [metric] =
      scaled({ rps: 20 }, { counters: { ...counters, authentication: "gateway-counters" } }).spec.predictor.autoScaling
        ?.metrics ?? [];
    expect(metric?.external.authenticationRef).toEqual({
      authModes: "bearer",
      authenticationRef: { name: "gateway-counters" },
    });
  });

  it("of a version whose row is older than the stack's Prometheus says what is missing", () => {
    expect(() => scaled({ rps: 20 }, { counters: undefined })).toThrow(
      "iris: rps is measured by the gateway's counters, which are read from a Prometheus, and the stack names none; declare menagerie:prometheus, or use cpu",
    );
  });

  it("in Knative mode is Knative's own, from none on", () => {
    const manifest = scaled({ rps: 20 }, { mode: "Knative", replicas: { min: 0, max: 4, target: { rps: 20 } } });
    expect(classOf(manifest)).toBeUndefined();
    expect(manifest.spec.predictor).toMatchObject({
      minReplicas: 0,
      maxReplicas: 4,
      scaleMetric: "rps",
      scaleTarget: 20,
    });
    expect(manifest.spec.predictor).not.toHaveProperty("autoScaling");
  });

  it("begins at one pod where the model sleeps, which is not an autoscaler's", () => {
    const sleeping = scaled({ cpu: 70 }, { replicas: { min: 0, max: 4, target: { cpu: 70 } } });
    expect(sleeping.spec.predictor).toMatchObject({ minReplicas: 1, maxReplicas: 4 });
    const single = scaled({}, { replicas: { min: 0, max: 1 } });
    expect(classOf(single)).toBe("none");
    expect(single.spec.predictor).toMatchObject({ minReplicas: 1, maxReplicas: 1 });
  });

  it("makes no new pods when it changes, unless another autoscaler keeps it", () => {
    const [low, high, unchosen] = [{ cpu: 50 }, { cpu: 90 }, {}].map((target) => revisionOf(scaled(target)));
    expect(new Set([low, high, unchosen]).size).toBe(1);
    expect(revisionOf(scaled({ rps: 5 }))).toBe(revisionOf(scaled({ rps: 50 })));
    expect(revisionOf(scaled({ rps: 5 }))).not.toBe(low);
  });

  it("is not the recorder's, whose pods are as many as before", () => {
    const recorder = (besideKeda: boolean) => recorderTransformer({ ...recorderOf, besideKeda }, "Standard");
    expect(recorder(true)).toMatchObject({
      minReplicas: 2,
      maxReplicas: 2,
      annotations: { "serving.kserve.io/autoscalerClass": "none" },
    });
    expect(recorder(false)).not.toHaveProperty("annotations");
    expect(revisedTransformer(recorder(true), "7").annotations).toEqual({
      "serving.kserve.io/autoscalerClass": "none",
      "menagerie.dev/revision": "7",
    });
  });
});

describe("the InferenceService of a development version", () => {
  const control = { versionId: "7", ping: { secret: "greeter-dev-ping" }, idleMinutes: 15 };

  it("has one pod, one after another, whatever config says", () => {
    expect(predictor({ control, replicas: { min: 2, max: 5 } })).toMatchObject({
      minReplicas: 1,
      maxReplicas: 1,
      deploymentStrategy: { type: "Recreate" },
    });
    expect(predictor({ control, mode: "Knative", replicas: { min: 0, max: 5 } })).toMatchObject({
      minReplicas: 0,
      maxReplicas: 1,
    });
  });

  it("is found by its version's id, and says when it is idle", () => {
    const { metadata } = inferenceServiceManifest({ ...iris, control });
    expect(metadata.labels["menagerie.dev/version-id"]).toBe("7");
    expect(metadata.annotations["menagerie.dev/idle-minutes"]).toBe("15");
  });

  it("runs under the hash of the user's folder, and asks the API for patches", () => {
    const env = container({ control, env: { HASH_TRUSS: "wrong", NETRC: "/etc/netrc" } })?.env;
    const ofInstallers = /^(UV|GIT)_/;
    expect(env?.filter(({ name }) => !ofInstallers.test(name))).toEqual([
      { name: "HASH_TRUSS", value: "abc" },
      { name: "NETRC", value: "/etc/netrc" },
      { name: "PATCH_PING_URL_TRUSS", valueFrom: { secretKeyRef: { name: "greeter-dev-ping", key: "url" } } },
      { name: "PYTHONDONTWRITEBYTECODE", value: "1" },
    ]);
  });

  it("is never probed through its control server, which would block", () => {
    const { startupProbe, readinessProbe } = container({ control }) ?? {};
    expect(startupProbe?.httpGet).toEqual({ path: "/", port: 8080 });
    expect(readinessProbe?.httpGet).toEqual({ path: "/v1/models/model/loaded", port: 8090 });
  });

  it("is reached through the API service where that wakes it", () => {
    const activator = { backend: apiBackend("menagerie"), pathOf: (inner: string) => activatorPath("7", inner) };
    expect(ruleOf({ gateway: { name: "menagerie/gateway", hosts: ["*"] }, activator })).toMatchObject({
      paths: ["/serving/models/iris/v1/"],
      rewrite: { path: "/development/7/v1/" },
      destinations: [{ service: "api", namespace: "menagerie", port: 80 }],
    });
  });
});

describe("a revision", () => {
  const revision = (changes: Partial<ServedModel> = {}) =>
    revisionOf(inferenceServiceManifest({ ...iris, ...changes }));

  it("changes with image, environment and placement, not with the order of keys", () => {
    const different = [revision(), revision({ image: "other" }), revision({ env: {} }), revision(onGpu)];
    expect(new Set(different).size).toBe(different.length);
    expect(revision({ env: { A: "1", B: "2" } })).toBe(revision({ env: { B: "2", A: "1" } }));
  });

  it("does not change with the time after which it sleeps", () => {
    const sleeping = (idleMinutes: number) => revision({ replicas: { min: 0, max: 1, idleMinutes } });
    expect(sleeping(5)).toBe(sleeping(60));
    const patched = (idleMinutes: number) =>
      revision({ control: { versionId: "7", ping: { secret: "ping" }, idleMinutes } });
    expect(patched(5)).toBe(patched(60));
  });

  it("changes with what pods read from a ConfigMap, whose name may stay", () => {
    const within = (values: Readonly<Record<string, string>>, secret?: string) =>
      revision({ variables: { configMap: "env", values, ...(secret === undefined ? {} : { secret }) } });
    expect(within({ API_URL: "a" })).not.toBe(within({ API_URL: "b" }));
    expect(within({ API_URL: "a" })).not.toBe(within({ API_URL: "a" }, "env-v1-service"));
    expect(within({ A: "1", B: "2" })).toBe(within({ B: "2", A: "1" }));
  });

  it("is not changed by being written down", () => {
    const manifest = inferenceServiceManifest(iris);
    expect(revisionOf(withRevision(manifest, "x"))).toBe(revisionOf(manifest));
  });
});

describe("the route of a model", () => {
  const gateway = { name: "istio-system/menagerie", hosts: ["*"] };

  it("exposes what protocols have, and paths of the model's own: /control/ is on the same port", () => {
    const { rules } = modelRoute({ ...iris, gateway, paths: ["/generate", "/api/"] });
    const rewrites = rules.map(({ name, paths, rewrite }) => [name, paths, rewrite?.path]);
    expect(rewrites).toEqual([
      ["v1", ["/serving/models/iris/v1/"], "/v1/"],
      ["v2", ["/serving/models/iris/v2/"], "/v2/"],
      ["openai-v1", ["/serving/models/iris/openai/v1/"], "/openai/v1/"],
      ["generate", ["/serving/models/iris/generate"], "/generate"],
      ["api", ["/serving/models/iris/api/"], "/api/"],
    ]);
    for (const { destinations } of rules) {
      expect(destinations).toEqual([{ service: "iris-predictor", namespace: "models", port: 80 }]);
    }
  });

  it("in Knative mode enters by Knative's gateway, which wakes the model, under its own host name", () => {
    expect(ruleOf({ mode: "Knative", gateway })).toMatchObject({
      rewrite: { path: "/v1/", host: "iris-predictor.models.svc.cluster.local" },
      destinations: [{ service: "knative-local-gateway", namespace: "istio-system" }],
    });
  });
});

describe("a pool", () => {
  const local: GpuPool = {
    name: "t4",
    gpu: { kind: "t4", perNode: 2 },
    size: { replicas: 1 },
    instanceTypes: [],
    zones: [],
    taints: [{ key: "dedicated", value: "", effect: "NoExecute" }],
    nodes: { kind: "local", capacity: { cpu: "8", memory: "32Gi" } },
  };
  const ec2: GpuPool = {
    ...local,
    size: { gpus: 8 },
    instanceTypes: ["g4dn.12xlarge"],
    nodes: {
      kind: "ec2",
      role: "node",
      amiAlias: "al2023@v1",
      subnetSelector: { a: "b" },
      securityGroupSelector: { c: "d" },
    },
  };

  it("of local nodes has a fixed number of them and says what each offers", () => {
    expect(nodeClassManifest(local).spec).toEqual({
      capacity: { cpu: "8", memory: "32Gi", pods: "110", "nvidia.com/gpu": "2" },
    });
    expect(nodePoolManifest(local).spec).toMatchObject({
      replicas: 1,
      template: {
        metadata: { labels: { "menagerie.dev/pool": "t4" } },
        spec: {
          nodeClassRef: { group: "local.menagerie.dev", kind: "LocalNodeClass", name: "t4" },
          taints: [
            { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" },
            { key: "dedicated", effect: "NoExecute" },
          ],
        },
      },
    });
  });

  it("of Karpenter's kwok provider is what EC2 would be asked for, with another node class", () => {
    const kwok: GpuPool = { ...ec2, nodes: { kind: "kwok" } };
    const nodeClassRef = { group: "karpenter.kwok.sh", kind: "KWOKNodeClass", name: ec2.name };
    const { template, ...rest } = nodePoolManifest(ec2).spec;
    expect(nodePoolManifest(kwok).spec).toEqual({
      ...rest,
      template: { ...template, spec: { ...template.spec, nodeClassRef } },
    });
    expect(nodeClassManifest(kwok)).toMatchObject({ apiVersion: "karpenter.kwok.sh/v1alpha1", kind: "KWOKNodeClass" });
  });

  it("of EC2 nodes is bounded by its GPUs and asks for instances with exactly these", () => {
    const { spec } = nodePoolManifest(ec2);
    expect(spec).toMatchObject({
      limits: { "nvidia.com/gpu": "8" },
      template: { spec: { nodeClassRef: { kind: "EC2NodeClass" } } },
    });
    expect(spec).not.toHaveProperty("replicas");
    expect(spec.template.spec.requirements).toEqual([
      { key: "karpenter.sh/capacity-type", operator: "In", values: ["on-demand"] },
      { key: "karpenter.k8s.aws/instance-gpu-name", operator: "In", values: ["t4"] },
      { key: "karpenter.k8s.aws/instance-gpu-count", operator: "In", values: ["2"] },
      { key: "node.kubernetes.io/instance-type", operator: "In", values: ["g4dn.12xlarge"] },
    ]);
  });
});

describe("in a mesh", () => {
  const mesh = { namespace: "models", servicesNamespace: "menagerie", trustDomain: "cluster.local" };

  it("only the API service's account gets further than predictions, probes and metrics of a development version", () => {
    const { selector, action, rules } = controlAccessManifest(mesh).spec;
    const control = { versionId: "7", ping: { url: "http://api/ping" } };
    expect(inferenceServiceManifest({ ...iris, control }).metadata.labels).toMatchObject(selector.matchLabels);
    expect(inferenceServiceManifest(iris).metadata.labels).not.toMatchObject(selector.matchLabels);
    const { account } = apiRights(mesh.servicesNamespace, mesh.namespace);
    const principal = `cluster.local/ns/${account.metadata.namespace}/sa/${account.metadata.name}`;
    expect({ action, rules }).toEqual({
      action: "DENY",
      rules: [
        {
          from: [{ source: { notPrincipals: [principal] } }],
          to: [{ operation: { notPaths: ["/", "/healthz", "/metrics*", "/v1/*", "/v2/*", "/openai/v1/*"] } }],
        },
      ],
    });
  });

  it("the API service is known by its certificate when it calls a pod that waits for its patches", () => {
    expect(controlServiceManifest(mesh).spec).toMatchObject({
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: controlAccessManifest(mesh).spec.selector.matchLabels,
      ports: [{ name: "tcp-control", port: 8080, targetPort: 8080 }],
    });
  });

  it("the gateway asks for keys wherever a route leads to a model, and nowhere else", () => {
    const [{ to }] = keyCheckManifest({
      gatewayNamespace: "istio-ingress",
      gateway: { pods: { istio: "ingress" } },
      namespace: "models",
      provider: "menagerie-keys",
    }).spec.rules as [{ to: [{ operation: { paths: [string] } }] }];
    const [asked] = to[0].operation.paths;
    const isAsked = (path: string) => asked.endsWith("*") && path.startsWith(asked.slice(0, -1));
    const gateway = { name: "istio-ingress/models", hosts: ["*"] };
    const routed = [
      modelRoute({ ...iris, gateway }),
      mirroredRoute({
        ...iris,
        gateway,
        percent: 10,
        shadows: ["next-a"],
        primary: { service: "next-primary", mode: "Standard" },
      }),
    ].flatMap(({ rules }) => rules.flatMap(({ paths }) => paths));
    expect(routed).toHaveLength(2 * servedPrefixes.length);
    expect(routed.filter((prefix) => !isAsked(prefix))).toEqual([]);
    // The API service asks for its own keys.
    const own = apiRoute({ namespace: "menagerie", gateway }).rules.flatMap(({ paths }) => paths);
    expect(own).toContain("/models/");
    expect(own.filter(isAsked)).toEqual([]);
  });

  it("a Gateway of Gateway API asks by its name, or by the labels of its pods where the config has them", () => {
    const check = { gatewayNamespace: "istio-ingress", namespace: "models", provider: "menagerie-keys" };
    const specOf = (pods?: Record<string, string>) =>
      keyCheckManifest({ ...check, gateway: askingGateway({ name: "istio-ingress/models" }, pods) }).spec;
    expect(specOf()).toMatchObject({
      targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "models" }],
    });
    expect(specOf()).not.toHaveProperty("selector");
    expect(specOf({ istio: "ingress" })).toMatchObject({ selector: { matchLabels: { istio: "ingress" } } });
    expect(labelsOfAsking({ name: "models" })).toEqual({ "gateway.networking.k8s.io/gateway-name": "models" });
  });

  it("a gateway that has asked for the key takes it from the request, except before the API service, which asks again", () => {
    const gateway = { name: "istio-ingress/models", hosts: ["*"], checksKeys: true };
    const removedHeaders = ["authorization", "x-api-key"];
    expect(ruleOf({ gateway })).toMatchObject({ removedHeaders });
    const activator = { backend: apiBackend("menagerie"), pathOf: (inner: string) => activatorPath("7", inner) };
    expect(ruleOf({ gateway, activator })).not.toHaveProperty("removedHeaders");
    const primary = { service: "next-primary", mode: "Standard" } as const;
    const mirrored = mirroredRoute({ ...iris, gateway, primary, percent: 10, shadows: ["next-a"] });
    expect(mirrored.rules[0]).toMatchObject({ removedHeaders });
    // Where nobody looks at keys, nobody may say that its requests are not to be recorded, or whose they are.
    const open = { ...gateway, checksKeys: false };
    expect(ruleOf({ gateway: open, recorded: true })).toMatchObject({
      removedHeaders: ["x-menagerie-purpose", "x-menagerie-organization"],
    });
    expect(ruleOf({ gateway: open })).not.toHaveProperty("removedHeaders");
  });
});
