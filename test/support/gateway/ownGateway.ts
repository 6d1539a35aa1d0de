import type { KubeConfig } from "@kubernetes/client-node";
import { kubeConfigOf } from "../../../src/adapters/kubernetes/kubeConfigFile.ts";
import { environmentLayout } from "../../../src/local/layout.ts";
import { Backends } from "../../local/support/backends.ts";
import { applyManifest, namespace } from "../../local/support/manifests.ts";
import { TestHome } from "../../local/support/menagerie.ts";
import { Routes } from "../../local/support/routes.ts";

/** The environment of this process, and how many use it. */
let shared: { readonly home: Promise<TestHome>; users: number } | undefined;

async function homeOfProcess(): Promise<TestHome> {
  shared ??= { home: broughtUp(), users: 0 };
  shared.users += 1;
  return shared.home;
}

async function broughtUp(): Promise<TestHome> {
  const home = await TestHome.create();
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code === 0) return home;
  await home.dispose();
  throw new Error(stderr);
}

/** An environment in which no stack is declared, with servers behind its gateway. Test files that run in one process share it. */
export class OwnGateway {
  readonly home: TestHome;
  readonly cluster: KubeConfig;
  readonly backends: Backends;
  readonly routes: Routes;

  private constructor(home: TestHome, cluster: KubeConfig, backends: Backends, routes: Routes) {
    this.home = home;
    this.cluster = cluster;
    this.backends = backends;
    this.routes = routes;
  }

  /** @param servers names of the servers, in namespace `space` or in that after their dot */
  static async open(space: string, servers: readonly string[]): Promise<OwnGateway> {
    const home = await homeOfProcess();
    const { gateway } = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as { gateway: string };
    const cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
    const spaces = new Set([space, ...servers.map((name) => name.split(".")[1] ?? space)]);
    for (const name of spaces) await applyManifest(cluster, namespace(name));
    const backends = await Backends.start(home, { cluster, namespace: space, names: servers });
    return new OwnGateway(home, cluster, backends, new Routes({ gateway, cluster, namespace: space }));
  }

  async close(): Promise<void> {
    await this.backends.stop();
    if (!shared || --shared.users > 0) return;
    shared = undefined;
    await this.home.dispose();
  }
}
