import { describe, expect, it } from "vitest";
import {
  keeperPod,
  keeperRights,
  modelPod,
  namespaceObject,
  networkPolicyObject,
  quotaObject,
} from "../../../../src/domain/trial/clusterObjects.ts";
import type { RunnableModel } from "../../../../src/domain/trial/combination.ts";

const place = {
  id: "0a1b2c3d",
  pool: "spare",
  tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" as const, effect: "NoSchedule" as const }],
};
const image = `registry.example.com/iris@sha256:${"a".repeat(64)}`;
const model: RunnableModel = {
  name: "iris",
  content: { image },
  env: {},
  secrets: [],
  resources: { cpu: "1", memory: "1Gi", gpus: 2 },
};
const settings = { image, index: 0, variables: undefined, egress: false, startWithinSeconds: 60 };

describe("a trial's namespace", () => {
  it("says whose it is and until when", () => {
    const { metadata } = namespaceObject(place.id, "ada@laptop", new Date("2026-11-30T16:00:00Z"));
    expect(metadata.name).toBe("menagerie-trial-0a1b2c3d");
    expect(metadata.annotations).toEqual({
      "menagerie.dev/owner": "ada@laptop",
      "menagerie.dev/deadline": "2026-11-30T16:00:00.000Z",
    });
  });

  it("is deleted by a keeper that may delete nothing else, and takes its rights along", () => {
    const rights = keeperRights(place.id, "uid-1");
    const roles = rights.flatMap(({ kind, ...object }) => ("rules" in object ? [[kind, object.rules]] : []));
    expect(roles).toEqual([
      [
        "ClusterRole",
        [
          {
            apiGroups: [""],
            resources: ["namespaces"],
            resourceNames: ["menagerie-trial-0a1b2c3d"],
            verbs: ["delete"],
          },
        ],
      ],
      [
        "Role",
        [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: ["owner"], verbs: ["get"] }],
      ],
    ]);
    const ofCluster = rights.filter(({ kind }) => kind.startsWith("Cluster"));
    expect(ofCluster.map(({ metadata }) => metadata)).toEqual(
      ofCluster.map(() => expect.objectContaining({ ownerReferences: [expect.objectContaining({ uid: "uid-1" })] })),
    );
  });

  it("has room for its models and the keeper", () => {
    expect(quotaObject(place.id, [model, model]).spec.hard).toEqual({ pods: "3", "requests.nvidia.com/gpu": "4" });
  });

  it("lets models reach each other, and whoever asks reach them", () => {
    const { policyTypes, egress } = networkPolicyObject(place.id).spec;
    expect([policyTypes, egress]).toEqual([["Egress"], [{ to: [{ podSelector: {} }] }]]);
  });
});

describe("pods of a trial", () => {
  it("are on the pool, get no token, and claim what the model does", () => {
    const { metadata, spec } = modelPod(place, model, settings);
    expect(metadata).toMatchObject({ namespace: "menagerie-trial-0a1b2c3d" });
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      nodeSelector: { "menagerie.dev/pool": "spare" },
      tolerations: place.tolerations,
    });
    expect(spec.containers[0]?.resources.limits).toEqual({ cpu: "1", memory: "1Gi", "nvidia.com/gpu": "2" });
  });

  it("have a keeper without a GPU, in a model's image, that knows how long it is", () => {
    const { spec } = keeperPod(place, image, "print(1)", 90.4);
    const [container] = spec.containers;
    expect(container).toMatchObject({ image, resources: { limits: { cpu: "10m", memory: "64Mi" } } });
    expect(container?.env).toContainEqual({ name: "SECONDS_LEFT", value: "90" });
  });
});
