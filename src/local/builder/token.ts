import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "../layout.ts";

/** The build service's token, made once for each environment; whoever comes first makes it. Readable by its owner only. */
export async function buildToken(layout: EnvironmentLayout): Promise<string> {
  const file = join(layout.root, "build-token");
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  await writeFile(draft, randomBytes(32).toString("base64url"), { mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, "utf8");
}
