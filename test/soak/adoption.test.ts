import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { applyManifest, type Manifest, pathOf } from "../local/support/manifests.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

let shared: SharedEnvironment;
let cluster: KubeConfig;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  cluster = shared.kubeConfig();
});

afterAll(() => shared.close());

describe("what exists already is adopted", () => {
  const isvc = {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name: "adopted-v1",
      namespace: "models",
      annotations: { "serving.kserve.io/deploymentMode": "Standard", "example.com/owner": "somebody" },
    },
    spec: {
      predictor: { minReplicas: 3, containers: [{ name: "kserve-container", image: "menagerie.local/by/hand:1" }] },
    },
  };
  const entry = "    adopted: { truss: models/iris, phase: done, resources: { cpu: 500m, memory: 512Mi } }\n";
  const uidOf = async (manifest: Manifest) =>
    (await requestJson<{ metadata: { uid: string } }>(cluster, "GET", await pathOf(cluster, manifest))).metadata.uid;

  test("a foreign InferenceService is not overwritten unasked: `up` fails and names who wrote it", async () => {
    await applyManifest(cluster, isvc);
    await shared.editStack((text) => text.replace("menagerie:zoo:\n", `menagerie:zoo:\n${entry}`));
    const { code, stdout, stderr } = await shared.home.menagerie(["up"]);
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/conflicts? with "by-hand"/);
  });

  test("with PULUMI_K8S_ENABLE_PATCH_FORCE=true the InferenceService stays and becomes the stack's", async () => {
    const before = await uidOf(isvc);
    const { code, stdout, stderr } = await shared.home.menagerie(["up"], {
      env: { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" },
    });
    expect(code, stdout + stderr).toBe(0);
    expect(await uidOf(isvc)).toEqual(before);
    const answer = await shared.home.menagerie(["predict", "adopted", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}']);
    expect(JSON.parse(answer.stdout)).toMatchObject({ predictions: [0] });
    await shared.succeed("pulumi", "--", "preview", "--expect-no-changes");
  });
});
