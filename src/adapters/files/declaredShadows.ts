import { readFile } from "node:fs/promises";
import { type DeployedShadow, shadowsOf } from "../../domain/shadow/deployed.ts";

/** The shadow deployments of a stack out of a file with its output `shadows`; none where the stack never wrote it. */
export async function readDeclaredShadows(file: string): Promise<Readonly<Record<string, DeployedShadow>>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return shadowsOf({ shadows: JSON.parse(text) });
}
