import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readStackText, type StackFileReading } from "../config/stackFile.ts";
import { localStack, projectFolder } from "../local/localStack.ts";
import { projectSettings, stackFilePath } from "../plan/stackFilePath.ts";
import { refuse } from "./refusals.ts";

/** The file of a stack, as it is written. */
export interface StackText {
  readonly path: string;
  /** Its name for sentences, such as `Pulumi.staging.yaml`. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Keys of every namespace with their prefix, however they are written; its mistakes are for whoever checks the stack. */
  readonly reading: StackFileReading;
}

/**
 * Reads the file that the engine takes a stack's config from: for every command that has `--stack`.
 * @throws OperatorError where there is none
 */
export async function readStack(stack: string): Promise<StackText> {
  // The engine of an environment is given a file that is made from the checkout's.
  const named = stack === localStack ? undefined : process.env.PULUMI_OPTION_CONFIG_FILE;
  const { stackConfigDir = "" } = await projectSettings(projectFolder);
  const { path, file } = stackFilePath(join(projectFolder, stackConfigDir), stack, { named, folder: projectFolder });
  const bytes = await readFile(path).catch((error: unknown) => {
    throw refuse("stack.no-file", { stack, file, projectFolder }, error);
  });
  return { path, file, bytes, reading: readStackText(bytes, file) };
}
