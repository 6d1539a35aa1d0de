import { randomBytes } from "node:crypto";
import { access, link, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { refuse } from "../refusals.ts";

/** @throws OperatorError where a file is there and may not be replaced. */
export async function requireFree(file: string, isForced: boolean): Promise<void> {
  if (
    !isForced &&
    (await access(file).then(
      () => true,
      () => false,
    ))
  )
    throw refuse("sample.file-there", { file });
}

/**
 * Writes a file under another name, and gives it its own once it is whole: nobody ever sees half of it. Only its owner may read it.
 *
 * @param isForced - a file that is there is replaced
 * @throws OperatorError where one is there and may not be, or it cannot be written.
 */
export async function placeFile(
  file: string,
  content: Uint8Array,
  { isForced, signal }: { readonly isForced: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const whole = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}`);
  try {
    await writeFile(whole, content, { mode: 0o600, flag: "wx", flush: true, signal });
    // A link fails where somebody else has made the file meanwhile.
    if (isForced) await rename(whole, file);
    else await link(whole, file);
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw refuse("sample.file-there", { file }, error);
    throw refuse("sample.not-written", { file, reason: messageOf(error) }, error);
  } finally {
    await rm(whole, { force: true });
  }
}
