import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { readState } from "../../src/local/environmentState.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { embeddedTarget } from "../../src/local/target.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { flower, predictDuring } from "../local/support/predictDuring.ts";

const multiplierBody = '{"values": ["3.3","62.3","324"]}';
let home: TestHome;
/** Options and variables of the environment that is run against the second one's cluster. */
let outside: string[];
let env: Record<string, string>;
let kubeconfig: string;
/** Where the console answers that runs in that cluster: the second environment relays it, as `kubectl port-forward` does. */
let consoleAddress: string;

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  const { code, stderr } = await home.menagerie(["up"]);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await home.dispose();
  await rm(home.project, { recursive: true, force: true });
});

test("a second environment runs beside the first, and `--kubeconfig` runs the program against its cluster", async () => {
  const second = await home.menagerie(["up", "-e", "second", "--no-program"]);
  expect(second.code, second.stderr).toBe(0);
  const layout = environmentLayout("second", home.path);
  const state = await readState(layout);
  if (!state) throw new Error("the second environment keeps no state");
  const { gatewayUrl, apiUrl, databaseServer, ...target } = embeddedTarget(layout, state);
  kubeconfig = target.kubeconfig;
  consoleAddress = target.consoleUrl ?? "";
  expect(gatewayUrl).not.toBe(JSON.parse((await home.menagerie(["status", "--json"])).stdout).gateway);

  outside = ["-e", "outside", "--kubeconfig", kubeconfig, "--gateway-url", gatewayUrl];
  // The nodes of that cluster pull from where they always do.
  const images = { MENAGERIE_IMAGE_STORE: layout.images };
  const without = await home.menagerie(["up", ...outside], { env: images });
  expect(without.code).toBe(1);
  expect(without.stdout).toMatch(/menagerie:development: .*; set MENAGERIE_DATABASE_URL and/);
  env = {
    ...images,
    MENAGERIE_DATABASE_URL: databaseServer?.url ?? "",
    MENAGERIE_DATABASE_ADDRESS: databaseServer?.address ?? "",
    MENAGERIE_API_URL: apiUrl ?? "",
  };
  const { code, stdout, stderr } = await home.menagerie(["up", ...outside], { env });
  expect(code, stdout + stderr).toBe(0);
  for (const environment of ["local", "outside"]) {
    const answer = await home.menagerie(["predict", "multiplier", "-e", environment, "--data", multiplierBody]);
    expect(JSON.parse(answer.stdout)).toEqual({ results: [6.6, 124.6, 648] });
  }
});

test("the console of a stack on an existing cluster runs there, and `menagerie console --url` logs in to it", async () => {
  const pods = await requestJson<{ items: { status: { containerStatuses?: { ready: boolean }[] } }[] }>(
    kubeConfigOf(kubeconfig),
    "GET",
    "/api/v1/namespaces/menagerie/pods?labelSelector=app.kubernetes.io/name=console",
  );
  expect(pods.items.map(({ status }) => status.containerStatuses?.map(({ ready }) => ready))).toEqual([[true]]);
  expect((await fetch(`${consoleAddress}/environment`, { redirect: "manual" })).headers.get("location")).toBe(
    "/login?next=%2Fenvironment",
  );

  const command = ["console", "-e", "outside", "--role", "viewer", "--url", consoleAddress, "--no-open"];
  const { code, stdout, stderr } = await home.menagerie(command, { env });
  expect(code, stderr).toBe(0);
  const link = stdout.trim();
  expect(link).toMatch(new RegExp(`^${consoleAddress}/enter\\?code=[\\w-]+$`));
  const entered = await fetch(link, { redirect: "manual" });
  expect([entered.status, entered.headers.get("location")]).toEqual([303, "/"]);
  const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect((await fetch(link, { redirect: "manual" })).status).toBe(403);

  const shown = async (path: string) => {
    const answer = await fetch(consoleAddress + path, { headers: { cookie } });
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.text();
  };
  const { models } = JSON.parse((await home.menagerie(["status", "-e", "outside", "--json"])).stdout) as {
    models: { name: string }[];
  };
  expect(models.length).toBeGreaterThan(2);
  const environment = await shown("/environment");
  expect(environment).toContain("viewer of the environment");
  for (const { name } of models) expect(environment).toContain(`>${name}<`);
  // What the account of its pod lists in that cluster.
  expect(await shown("/pools")).toContain('<a href="/rollout/multiplier">multiplier</a>');
  expect(await shown("/rollout/iris")).toContain("In phase done");
});

/** Names of iris's InferenceServices in that cluster. */
async function services(): Promise<string[]> {
  const path =
    "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices?labelSelector=menagerie.dev/model=iris";
  const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(
    kubeConfigOf(kubeconfig),
    "GET",
    path,
  );
  return items.map(({ metadata }) => metadata.name);
}

test("a change to Knative that does not come up, and the way back, answer every prediction", async () => {
  const { models } = JSON.parse((await home.menagerie(["status", "-e", "outside", "--json"])).stdout) as {
    models: { name: string; url: string }[];
  };
  const url = models.find(({ name }) => name === "iris")?.url ?? "";
  const before = await services();
  const file = join(home.project, "Pulumi.local.yaml");
  const committed = await readFile(file, "utf8");
  // That API server has Knative's kinds, and nothing acts on them.
  const knative = committed
    .replace(/^( {4}iris:\n)/m, "$1      mode: Knative\n")
    .replace("readyTimeoutSeconds: 300", "readyTimeoutSeconds: 20");
  const { sent, failed } = await predictDuring(url, async () => {
    await writeFile(file, knative);
    const forward = await home.menagerie(["up", ...outside], { env });
    expect(forward.code, forward.stdout + forward.stderr).toBe(1);
    expect(forward.stdout).toMatch(/iris-v\d+\S* is not ready after 20 s/);
    expect(await services()).toEqual(expect.arrayContaining(before));
    await writeFile(file, committed);
    const back = await home.menagerie(["up", ...outside], { env });
    expect(back.code, back.stdout + back.stderr).toBe(0);
  });
  expect(failed).toEqual([]);
  expect(sent).toBeGreaterThan(20);
  // What answered until then goes once the newest does.
  expect(await services()).toHaveLength(1);
  expect((await fetch(url, { method: "POST", body: JSON.stringify(flower) })).status).toBe(200);
});

test("an environment whose cluster is gone says so", async () => {
  await home.menagerie(["down", "-e", "second", "--delete"]);
  const gone = await home.menagerie(["up", ...outside], { env });
  expect(gone.code).toBe(2);
  expect(gone.stderr).toMatch(/--kubeconfig .*there is no such file/);
});
