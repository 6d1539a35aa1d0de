import { cp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import pg from "pg";
import { Agent, request as ask } from "undici";
import { expect, vi } from "vitest";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { clientConfig, serverFromUrl } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

/** Namespace of the models. */
export const space = "models";

/** A whole environment of its own, whose models sleep. */
export class SleepEnvironment {
  readonly home: TestHome;
  readonly #agent = new Agent({ connections: 300 });
  #cluster: KubeConfig | undefined;
  #pool: pg.Pool | undefined;
  gateway = "";
  api = "";

  private constructor(home: TestHome) {
    this.home = home;
  }

  /**
   * Brings a stack up, which must succeed.
   *
   * @param trusses - folders of `models` to make first, by name, of others there or anywhere
   */
  static async open(stack: string, trusses: Readonly<Record<string, string>> = {}): Promise<SleepEnvironment> {
    const own = new SleepEnvironment(await TestHome.create(await copyOfCheckout()));
    const models = join(own.home.project, "models");
    try {
      for (const [name, of] of Object.entries(trusses))
        await cp(resolve(models, of), join(models, name), { recursive: true });
      await own.deploy(stack);
      const { stdout } = await own.home.menagerie(["status", "--json"]);
      ({ gateway: own.gateway, api: own.api } = JSON.parse(stdout) as { gateway: string; api: string });
      const layout = environmentLayout("local", own.home.path);
      own.#cluster = kubeConfigOf(layout.kubeconfig);
      const { databaseServer } = (await readTarget(layout)) ?? {};
      const server = serverFromUrl(databaseServer?.url ?? "", "the environment");
      own.#pool = new pg.Pool(clientConfig(server, platformDatabase));
      return own;
    } catch (error) {
      await own.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
    await this.#pool?.end();
    await this.home.dispose();
    await rm(this.home.project, { recursive: true, force: true });
  }

  get cluster(): KubeConfig {
    if (!this.#cluster) throw new Error("the environment is not up");
    return this.#cluster;
  }

  get pool(): pg.Pool {
    if (!this.#pool) throw new Error("the environment is not up");
    return this.#pool;
  }

  async write(stack: string): Promise<void> {
    await writeFile(join(this.home.project, "Pulumi.local.yaml"), stack);
  }

  /** Brings a stack up; answers what that said. */
  async deploy(stack: string): Promise<string> {
    await this.write(stack);
    const { code, stdout, stderr } = await this.home.menagerie(["up"]);
    expect(code, stdout + stderr).toBe(0);
    return stdout + stderr;
  }

  /** Asks a model of the gateway for a prediction of `2`. */
  predict(name: string, headers: Readonly<Record<string, string>> = {}) {
    return this.post(`${this.gateway}/serving/${space}/${name}/v1/models/model:predict`, headers);
  }

  async post(url: string, headers: Readonly<Record<string, string>> = {}) {
    const { statusCode, body } = await ask(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: '{"values": ["2"]}',
      dispatcher: this.#agent,
    });
    return { status: statusCode, text: await body.text() };
  }

  /** InferenceService of a version of a model of the zoo: the engine makes up a part of its name. */
  async serviceOf(model: string, version = 1): Promise<string> {
    const path = `/apis/serving.kserve.io/v1beta1/namespaces/${space}/inferenceservices`;
    const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(this.cluster, "GET", path);
    const own = new RegExp(`^${model}-v${version}(-[0-9a-f]{8})?$`);
    return items.map(({ metadata }) => metadata.name).find((name) => own.test(name)) ?? "";
  }

  /** Pods of an InferenceService's predictor, by uid. */
  async podsOf(service: string): Promise<string[]> {
    const { items } = await this.cluster.makeApiClient(CoreV1Api).listNamespacedPod({
      namespace: space,
      labelSelector: `serving.kserve.io/inferenceservice=${service},component=predictor`,
    });
    return items.map(({ metadata }) => metadata?.uid ?? "");
  }

  /** What `menagerie status` says of a model in a word. */
  async stateOf(name: string): Promise<string> {
    const { stdout } = await this.home.menagerie(["status"]);
    return new RegExp(`^ +${name} +(\\w+)`, "m").exec(stdout)?.[1] ?? stdout;
  }

  /** Resolves once an InferenceService sleeps. */
  async asleep(service: string): Promise<void> {
    await vi.waitFor(
      async () => {
        expect(await this.podsOf(service)).toEqual([]);
        const { rows } = await this.pool.query("SELECT phase FROM menagerie.sleep_state WHERE service = $1", [service]);
        expect(rows).toEqual([{ phase: "asleep" }]);
      },
      { timeout: 180_000, interval: 1_000 },
    );
  }

  /** How often the API service was started again, and what it said last. */
  async apiLog(): Promise<string> {
    const client = this.cluster.makeApiClient(CoreV1Api);
    const { items } = await client.listNamespacedPod({ namespace: "menagerie" });
    const restarts = items.map(({ status }) => status?.containerStatuses?.[0]?.restartCount);
    const logs = items.map(({ metadata }) =>
      client.readNamespacedPodLog({ namespace: "menagerie", name: metadata?.name ?? "", tailLines: 15 }),
    );
    return `restarts ${restarts.join()}: ${(await Promise.all(logs)).join("\n").slice(-6_000)}`;
  }
}
