import { constants, copyFile, link, mkdir, rename, rm, stat, symlink, utimes } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { EngineTools } from "./arriving.ts";
import { versions } from "./tools.ts";

/** Version of `@pulumi/postgresql`, which asks for the plugin of the same one. */
const postgresqlPluginVersion = "3.18.1";
const localPostgresqlPlugin = join(import.meta.dirname, "..", "postgresqlPlugin", "pulumi-resource-postgresql");
const dynamicProviders = join(import.meta.dirname, "..", "dynamicProviders", "pulumi-resource-pulumi-nodejs");
/** Runtime that policy/PulumiPolicy.yaml names; the engine starts packs of it by this plugin. */
const policyPlugin = "analyzer-policy-menagerie";
const beforeSdk = join(import.meta.dirname, "..", "..", "program", "beforeSdk.mjs");
const projectFolder = join(import.meta.dirname, "..", "..", "..");

/**
 * Makes `home` a PULUMI_HOME whose plugins are those tools, and a folder in it where the CLI finds its language host
 * and the host of dynamic providers beside itself: what it finds on PATH instead draws a warning each. Answers the CLI
 * to run and what its environment needs besides backend and passphrase. Call it again whenever; it converges.
 */
export async function preparePulumiHome(
  home: string,
  { bin: tools }: EngineTools,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly pulumi: string; readonly env: Readonly<Record<string, string>> }> {
  const bin = join(home, "bin");
  const plugin = join(home, "plugins", `resource-kubernetes-v${versions.kubernetesProvider}`);
  const postgresql = join(home, "plugins", `resource-postgresql-v${postgresqlPluginVersion}`);
  const policy = join(home, "plugins", `${policyPlugin}-v1.0.0`);
  await Promise.all([bin, plugin, postgresql, policy].map((folder) => mkdir(folder, { recursive: true })));
  await Promise.all([
    // The CLI looks beside the file that /proc/self/exe names, which a symbolic link would lead out of this folder.
    sameFile(tools.pulumi, join(bin, "pulumi")),
    pointTo(tools["pulumi-language-nodejs"], join(bin, "pulumi-language-nodejs")),
    pointTo(dynamicProviders, join(bin, "pulumi-resource-pulumi-nodejs")),
    pointTo(tools["pulumi-resource-kubernetes"], join(plugin, "pulumi-resource-kubernetes")),
    pointTo(localPostgresqlPlugin, join(postgresql, "pulumi-resource-postgresql")),
    pointTo(join(projectFolder, "policy", "bin", `pulumi-${policyPlugin}`), join(policy, `pulumi-${policyPlugin}`)),
  ]);
  return {
    pulumi: join(bin, "pulumi"),
    env: {
      PULUMI_HOME: home,
      PULUMI_SKIP_UPDATE_CHECK: "1",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // Program, dynamic providers and the PostgreSQL plugin run on the first `node` of the PATH: the one that runs this.
      PATH: [dirname(process.execPath), env.PATH ?? ""].join(delimiter),
      // The language host that is built here does not know Pulumi.yaml's `nodeargs`.
      NODE_OPTIONS: [env.NODE_OPTIONS, `--import=${pathToFileURL(beforeSdk)}`].filter(Boolean).join(" "),
    },
  };
}

/** A hard link, or a copy where there can be none (another file system, somebody else's file). */
async function sameFile(source: string, target: string): Promise<void> {
  const [wanted, found] = await Promise.all([stat(source), stat(target).catch(() => undefined)]);
  if (found && found.size === wanted.size && found.mtimeMs === wanted.mtimeMs) return;
  const fresh = `${target}.${process.pid}`;
  await rm(fresh, { force: true });
  try {
    await link(source, fresh);
  } catch {
    await copyFile(source, fresh, constants.COPYFILE_FICLONE);
    await utimes(fresh, wanted.atime, wanted.mtime);
  }
  await rename(fresh, target);
}

async function pointTo(source: string, target: string): Promise<void> {
  const fresh = `${target}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(source, fresh);
  await rename(fresh, target);
}
