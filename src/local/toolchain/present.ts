import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { type AnyTool, type BinaryName, versions } from "./tools.ts";

const run = promisify(execFile);

/** Executables of `tool` that are on the machine already, in exactly the version that it pins. Never throws. */
export async function presentBinaries(
  tool: AnyTool,
  env: NodeJS.ProcessEnv,
): Promise<Readonly<Partial<Record<BinaryName, string>>>> {
  switch (tool.present) {
    case "pulumi-on-path":
      return pick(tool, await pulumiOnPath(env));
    case "kubebuilder-assets":
      return pick(tool, await kubebuilderAssets(env));
    case "kubernetes-plugin":
      return pick(tool, await kubernetesPlugin(env));
    default:
      return {};
  }
}

/** First executable file of that name on PATH. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder !== "" && (await isExecutable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** A released CLI has the language host of its own version beside it. */
async function pulumiOnPath(env: NodeJS.ProcessEnv): Promise<Partial<Record<BinaryName, string>>> {
  const pulumi = await findOnPath("pulumi", env);
  if (!pulumi) return {};
  const host = join(dirname(pulumi), "pulumi-language-nodejs");
  if (!(await isExecutable(host))) return {};
  const version = await firstLine(pulumi, ["version"], { ...env, PULUMI_SKIP_UPDATE_CHECK: "1" });
  return version === `v${versions.pulumi}` ? { pulumi, "pulumi-language-nodejs": host } : {};
}

/** `setup-envtest` puts etcd and kube-apiserver there; the same minor release will do. */
async function kubebuilderAssets(env: NodeJS.ProcessEnv): Promise<Partial<Record<BinaryName, string>>> {
  const folder = env.KUBEBUILDER_ASSETS;
  if (!folder) return {};
  const minor = (version: string) => version.split(".").slice(0, 2).join(".");
  const [apiserver, etcd] = [join(folder, "kube-apiserver"), join(folder, "etcd")];
  const found: Partial<Record<BinaryName, string>> = {};
  if ((await firstLine(apiserver, ["--version"], env))?.startsWith(`Kubernetes v${minor(versions.kubernetes)}.`)) {
    found["kube-apiserver"] = apiserver;
  }
  if ((await firstLine(etcd, ["--version"], env))?.startsWith(`etcd Version: ${minor(versions.etcd)}.`)) {
    found.etcd = etcd;
  }
  return found;
}

async function kubernetesPlugin(env: NodeJS.ProcessEnv): Promise<Partial<Record<BinaryName, string>>> {
  const home = env.PULUMI_HOME || join(env.HOME || homedir(), ".pulumi");
  const folder = join(home, "plugins", `resource-kubernetes-v${versions.kubernetesProvider}`);
  const plugin = join(folder, "pulumi-resource-kubernetes");
  // The engine leaves this file beside a plugin whose download has not ended.
  const partial = await access(`${folder}.partial`).then(
    () => true,
    () => false,
  );
  return !partial && (await isExecutable(plugin)) ? { "pulumi-resource-kubernetes": plugin } : {};
}

function pick(tool: AnyTool, found: Partial<Record<BinaryName, string>>): Partial<Record<BinaryName, string>> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name in tool.packages));
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function firstLine(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(file, args, { env, timeout: 10_000 });
    return (stdout || stderr).split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}
