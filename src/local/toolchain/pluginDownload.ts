import { execFile } from "node:child_process";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildContext, builtBinaries } from "./build.ts";
import { findOnPath } from "./present.ts";
import { type AnyTool, versions } from "./tools.ts";

const patienceMilliseconds = 90_000;

/**
 * Lets a `pulumi` on PATH, of any version, download the released Kubernetes provider into `target`: a minute instead of
 * a long build. Answers undefined where there is no such CLI or it cannot download; the caller builds then.
 */
export async function downloadPlugin(
  tool: AnyTool,
  target: string,
  context: BuildContext,
): Promise<Record<string, string> | undefined> {
  if (tool.present !== "kubernetes-plugin") return undefined;
  const cli = await findOnPath("pulumi", context.env);
  if (!cli) return undefined;
  const home = `${join(context.cache, "tools", `.work-${tool.name}`)}.${process.pid}.download`;
  try {
    await mkdir(home, { recursive: true });
    await promisify(execFile)(cli, ["plugin", "install", "resource", "kubernetes", `v${versions.kubernetesProvider}`], {
      env: { ...context.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "1" },
      timeout: patienceMilliseconds,
      signal: context.signal,
    });
    const folder = join(home, "plugins", `resource-kubernetes-v${versions.kubernetesProvider}`);
    const { size } = await stat(join(folder, "pulumi-resource-kubernetes"));
    const record = {
      version: tool.version,
      sizes: { "pulumi-resource-kubernetes": size },
      goVersion: "none",
      seconds: 0,
    };
    await writeFile(join(folder, "tool.json"), `${JSON.stringify(record, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(folder, target);
    return await builtBinaries(tool, target);
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
