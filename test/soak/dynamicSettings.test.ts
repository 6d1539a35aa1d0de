import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

const settingsPath = "/api/v1/namespaces/baseten/configmaps/baseten-django-dynamic-settings";

let shared: SharedEnvironment;
let cluster: KubeConfig;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  cluster = shared.kubeConfig();
  await shared.up();
});

afterAll(() => shared.close());

/** As `kubectl edit` does it. */
function editByHand<T>(path: string, body: object): Promise<T> {
  return requestJson<T>(cluster, "PATCH", path, {
    query: { fieldManager: "kubectl-edit" },
    contentType: "application/merge-patch+json",
    body,
  });
}

describe("the dynamic settings", () => {
  test("are edited by hand: a refresh shows it, and the next `up` with a refresh puts it back in place", async () => {
    const edited = await editByHand<{ metadata: { uid: string } }>(settingsPath, {
      data: { ratelimitEnabled: "false", keyOfTheApplication: "kept" },
    });
    const { stdout: preview } = await shared.succeed("pulumi", "--", "preview", "--refresh", "--diff");
    expect(preview).toMatch(/~ ratelimitEnabled: "false" => "true"/);
    await shared.succeed("pulumi", "--", "up", "--refresh", "--yes", "--skip-preview");
    const after = await requestJson<{ metadata: { uid: string }; data: object }>(cluster, "GET", settingsPath);
    expect(after.metadata.uid).toBe(edited.metadata.uid);
    expect(after.data).toEqual({
      ratelimitEnabled: "true",
      modelZooDeploymentAutomationEnabled: "true",
      automaticallyDeployedModelZooModelsWhitelist: '{"iris":{"copy":false},"multiplier":{"copy":false}}',
      keyOfTheApplication: "kept",
    });
  });
});
