import { expect, it } from "vitest";
import { clusterLogins } from "../../../../src/adapters/kubernetes/pullSecrets.ts";
import { apiServer, refusal } from "../../../support/apiServer.ts";

const secret = (user: string) => {
  const auths = { "registry.example.com": { username: user, password: "x" } };
  return { data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") } };
};
const names = async (answers: Parameters<typeof apiServer>[0]) => {
  const config = await apiServer(answers);
  const sources = clusterLogins(async () => config, {
    namespace: "models",
    builds: { namespace: "builds", name: "registry" },
  });
  const found = sources.map(async ({ name, logins }) => {
    const all = await logins("registry.example.com", "truss/iris").catch((error: Error) => error.message);
    return [name, typeof all === "string" ? all : all.map(({ username }) => username)];
  });
  return Object.fromEntries(await Promise.all(found));
};
const builds = "Secret registry in namespace builds";
const pulls = "the pull secrets of ServiceAccount default in namespace models";

it("a cluster's logins are the builds' and those that pods get", async () => {
  const account = { imagePullSecrets: [{ name: "one" }, { name: "gone" }, { name: "opaque" }, {}] };
  expect(
    await names({
      "/api/v1/namespaces/builds/secrets/registry": secret("builder"),
      "/api/v1/namespaces/models/serviceaccounts/default": account,
      "/api/v1/namespaces/models/secrets/one": secret("puller"),
      "/api/v1/namespaces/models/secrets/opaque": { data: { password: "eA==" } },
    }),
  ).toEqual({ [builds]: ["builder"], [pulls]: ["puller"] });
});

it("are none in a namespace that is not there yet, and it is said where they may not be read", async () => {
  const forbidden = refusal(403, "secrets is forbidden");
  expect(await names({ "/api/v1/namespaces/builds/secrets/registry": forbidden })).toEqual({
    [builds]: expect.stringContaining("secrets is forbidden"),
    [pulls]: [],
  });
});
