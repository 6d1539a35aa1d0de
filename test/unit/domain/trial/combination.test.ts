import { describe, expect, it } from "vitest";
import { missingSecrets, type RunnableModel } from "../../../../src/domain/trial/combination.ts";
import { trialPod, trialSecret } from "../../../../src/domain/trial/pod.ts";
import { trialVariables } from "../../../../src/domain/trial/variables.ts";

const image = `menagerie.local/truss/iris@sha256:${"a".repeat(64)}`;

function model(name: string, more: Partial<RunnableModel> = {}): RunnableModel {
  return {
    name,
    content: { image },
    env: {},
    secrets: [],
    resources: { cpu: "1", memory: "1Gi", gpus: 0 },
    ...more,
  };
}

const settings = { image, index: 0, variables: undefined, egress: false, startWithinSeconds: 90 };

describe("secrets that are missing", () => {
  it("are named once, each with the models that read it", () => {
    const models = [model("b", { secrets: ["two", "one"] }), model("a", { secrets: ["two", "given"] })];
    expect(missingSecrets(models, new Set(["given"]))).toEqual([
      { name: "one", models: ["b"] },
      { name: "two", models: ["b", "a"] },
    ]);
  });

  it("of no other model are in the Secret", () => {
    const { object } = trialSecret([model("a", { secrets: ["k"] })], { k: "value", other: "not asked for" });
    expect(object.data).toEqual({ k: "dmFsdWU=" });
  });
});

describe("a model's pod", () => {
  it("has the container that a stack declares, whose probes are as impatient as those of a model that sleeps", () => {
    const { metadata, spec } = trialPod(model("llama_3", { env: { B: "2", A: "1" }, secrets: ["k"] }), settings);
    expect(metadata).toMatchObject({ name: "llama-3-0", annotations: {} });
    const [container] = spec.containers;
    expect(container?.env).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ]);
    expect(container?.startupProbe).toMatchObject({ periodSeconds: 1, failureThreshold: 90 });
    expect(container).toMatchObject({ image, volumeMounts: [{ mountPath: "/secrets", readOnly: true }] });
    expect(spec.volumes?.[0]?.projected.sources[0]?.secret.items).toEqual([{ key: "k", path: "k" }]);
  });

  it("may reach the outside where that is allowed alone", () => {
    const pod = trialPod(model("iris"), { ...settings, egress: true });
    expect(pod.metadata.annotations).toEqual({ "menagerie.dev/egress": "true" });
  });

  it("has a host name whatever its model is called", () => {
    const names = ["a_very_long_name_that_goes_on_and_on", "_", "x-"].map(
      (name, index) => trialPod(model(name), { ...settings, index }).metadata.name,
    );
    expect(names).toEqual(["a-very-long-name-tha-0", "model-1", "x-2"]);
  });
});

describe("variables", () => {
  const addresses = {
    database: { host: "10.88.0.1", port: 5432, sslMode: "disable" as const },
    apiUrl: "http://10.88.0.1",
    modelUrls: ["http://10.88.1.1:8080/p", "http://10.88.1.2:8080/p"],
    password: "p/w",
  };
  const models = [model("ranker", { state: true, identifier: "ranker-v2" }), model("iris")];

  it("are none where the release has no state", () => {
    const { objects, sourceOf } = trialVariables({ name: "r", models, state: null }, addresses);
    expect([objects, sourceOf(models[0] as RunnableModel)]).toEqual([{}, undefined]);
  });

  it("are those of the release, with the trial's own addresses and login, for who works in its state alone", () => {
    const state = { tag: "v1", schema: "v1", files: [], tables: [], extensions: [] };
    const { objects, sourceOf } = trialVariables({ name: "v2", models, state }, addresses);
    const [ranker, iris] = models.map((each) => sourceOf(each));
    expect(iris).toEqual({ configMap: "env", values: expect.not.objectContaining({ VERSION: "v2" }) });
    expect(ranker?.values).toMatchObject({
      VERSION: "v2",
      DATABASE_SCHEMA: "v1",
      PGHOST: "10.88.0.1",
      RANKER_IDENTIFIER: "ranker-v2",
      IRIS_IDENTIFIER: "iris",
      IRIS_URL: "http://10.88.1.2:8080/p",
    });
    const secret = objects[`/api/v1/namespaces/trial/secrets/${ranker?.secret}`] as { data: Record<string, string> };
    const login = Object.entries(secret.data).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]);
    expect(Object.fromEntries(login)).toEqual({
      PGUSER: "service_v1",
      PGPASSWORD: "p/w",
      DATABASE_URL: "postgresql://service_v1:p%2Fw@10.88.0.1:5432/menagerie?sslmode=disable",
    });
  });
});
