import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

/**
 * `config:` of a stack's file in the project, as YAML reads it, with `{secure: …}` for what is encrypted: the engine tells the
 * program only which keys hold anything encrypted. Undefined where there is no such file (`--config-file`), or it is none.
 */
export async function stackFileConfig(
  project: string,
  stack: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const file: unknown = parse(await readFile(join(project, `Pulumi.${stack}.yaml`), "utf8"));
    const config = typeof file === "object" && file !== null && "config" in file ? file.config : undefined;
    return typeof config === "object" && config !== null ? { ...config } : undefined;
  } catch {
    // The engine has read it, and says what is wrong with it.
    return undefined;
  }
}
