import { dump } from "js-yaml";
import { expect, it } from "vitest";
import { readMeshConfigs } from "../../../../src/adapters/kubernetes/mesh.ts";
import { apiServer } from "../../../support/apiServer.ts";

const read = async (...meshes: readonly (string | undefined)[]) =>
  readMeshConfigs(
    await apiServer({
      "/api/v1/namespaces/istio-system/configmaps": {
        items: meshes.map((mesh) => ({ data: mesh === undefined ? { other: "1" } : { mesh } })),
      },
    }),
  );

/** A MeshConfig with a provider that passes on the headers of these patterns. */
const passing = (...headersToUpstreamOnAllow: readonly string[]) =>
  dump({ extensionProviders: [{ name: "menagerie-keys", envoyExtAuthzHttp: { port: 80, headersToUpstreamOnAllow } }] });

it.each([
  ["x-menagerie-usage", true],
  ["X-Menagerie-Usage", true],
  ["x-menagerie-*", true],
  ["X-Menagerie-*", true],
  ["*-usage", true],
  ["*-USAGE", true],
  ["x-menagerie", false],
  ["x-menagerie-usage-more", false],
  ["menagerie-usage", false],
  ["*menagerie*", false],
  ["x-*-usage", false],
  ["x-menagerie-purpose*", false],
])("passes claims on by the pattern %s: %s", async (pattern, isPassed) => {
  const [config] = await read(passing("x-other", pattern));
  expect(config?.claimProviders).toEqual(isPassed ? ["menagerie-keys"] : []);
});

it.each([
  ["x-menagerie-organization", true],
  ["x-menagerie-*", true],
  ["x-menagerie-usage", false],
])("passes on whose a request is by the pattern %s: %s", async (pattern, isPassed) => {
  const [config] = await read(passing("x-other", pattern));
  expect(config?.organizationProviders).toEqual(isPassed ? ["menagerie-keys"] : []);
});

it("names the providers, those that pass claims on, and the trust domains of every MeshConfig", async () => {
  const first = dump({
    trustDomain: "prod.example.com",
    trustDomainAliases: ["old.example.com"],
    extensionProviders: [
      { name: "otel", opentelemetry: { port: 4317 } },
      { name: "silent", envoyExtAuthzHttp: { service: "api" } },
      { name: "menagerie-keys", envoyExtAuthzHttp: { headersToUpstreamOnAllow: ["x-menagerie-usage"] } },
    ],
    defaultConfig: { proxyStatsMatcher: { inclusionRegexps: [".*upstream_rq.*"] } },
  });
  expect(await read(first, undefined, "")).toEqual([
    {
      providers: ["otel", "silent", "menagerie-keys"],
      claimProviders: ["menagerie-keys"],
      organizationProviders: [],
      trustDomains: ["prod.example.com", "old.example.com"],
      statsMatcher: { inclusionRegexps: [".*upstream_rq.*"] },
    },
    {
      providers: [],
      claimProviders: [],
      organizationProviders: [],
      trustDomains: ["cluster.local"],
      statsMatcher: undefined,
    },
  ]);
});
