import { describe, expect, it } from "vitest";
import { environmentNames, kubernetesTag, releaseEnvironment } from "../../../../src/domain/release/environment.ts";
import { hostEnvironment } from "../../../../src/domain/release/hostEnvironment.ts";

const database = { host: "db.databases.svc", port: 5432, sslMode: "disable" } as const;
const url = "http://llama-3-v7-predictor.models.svc.cluster.local/v1/models/model:predict";
const values = {
  ...releaseEnvironment({
    tag: "v1.2.3",
    schema: "v1.2.3",
    database,
    apiUrl: "http://api.menagerie.svc.cluster.local",
    models: [{ name: "llama_3", identifier: "llama_3-v7", url }],
  }),
  DATABASE_URL: "postgresql://service_v1.2.3:p%2Fw@db.databases.svc:5432/menagerie?sslmode=disable",
};

describe("the environment of a release", () => {
  it("says its version, its models and its database", () => {
    expect(values).toMatchObject({
      VERSION: "v1.2.3",
      DATABASE_SCHEMA: "v1.2.3",
      LLAMA_3_IDENTIFIER: "llama_3-v7",
      LLAMA_3_URL: url,
      PGHOST: "db.databases.svc",
      PGPORT: "5432",
      PGDATABASE: "menagerie",
      PGSSLMODE: "disable",
    });
  });

  it("has names that Kubernetes takes, another for each tag", () => {
    expect(environmentNames("v1.2.3")).toEqual({
      config: "env-v1.2.3",
      secret: { service: "env-v1.2.3-service", pipeline: "env-v1.2.3-pipeline" },
    });
    const tags = ["V1", "v1", "v1+a", "v1-a", "v1_a", "v1..a", "v1.", "x".repeat(200), `${"x".repeat(199)}y`];
    const names = tags.map(kubernetesTag);
    expect(new Set(names).size).toBe(tags.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$/);
  });
});

describe("on the host", () => {
  it("what is relayed has the relay's address", () => {
    const reach = {
      database: { host: "127.0.0.1", port: 15999 },
      apiUrl: "http://127.0.0.1:18081",
      modelUrls: { llama_3: "https://models.example.com/serving/models/llama-3/v1/models/model:predict", other: "x" },
    };
    expect(hostEnvironment(values, reach)).toEqual({
      overrides: {
        PGHOST: "127.0.0.1",
        PGPORT: "15999",
        API_URL: reach.apiUrl,
        LLAMA_3_URL: reach.modelUrls.llama_3,
        DATABASE_URL: "postgresql://service_v1.2.3:p%2Fw@127.0.0.1:15999/menagerie?sslmode=disable",
      },
      portForwards: [],
    });
  });

  it("Services that only the cluster knows are forwarded, by the commands that are told", () => {
    const { overrides, portForwards } = hostEnvironment(values, { database: null, apiUrl: null, modelUrls: {} });
    expect(overrides).toMatchObject({ PGHOST: "127.0.0.1", PGPORT: "15432", API_URL: "http://127.0.0.1:18081" });
    expect(portForwards).toEqual([
      "kubectl -n menagerie port-forward service/api 18081:80",
      "kubectl -n databases port-forward service/db 15432:5432",
    ]);
  });

  it("public addresses stay", () => {
    const elsewhere = { ...values, PGHOST: "db.example.com", API_URL: "https://api.example.com" };
    expect(hostEnvironment(elsewhere, { database: null, apiUrl: null, modelUrls: {} })).toEqual({
      overrides: {},
      portForwards: [],
    });
  });
});
