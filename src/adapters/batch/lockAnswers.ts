import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { refuse } from "../../domain/batch/refusals.ts";
import { messageOf } from "../../domain/errors.ts";
import { withLock } from "../processes/lock.mjs";

/**
 * Runs `work` on a file that no other batch of this machine writes to meanwhile. The lock is `<file>.lock` beside it; that of a process
 * that has ended counts for nothing.
 *
 * @param work - gets the file's own name, without links
 * @throws OperatorError while another batch has it.
 */
export async function lockAnswers<T>(out: string, work: (file: string) => Promise<T>): Promise<T> {
  const taken = new AbortController();
  const file = await ownName(out);
  const onWait = ({ pid, since }: { readonly pid: number; readonly since: string }): void => {
    taken.abort(refuse("batch.out-taken", { out, pid, since }));
  };
  let isOurs = false;
  try {
    return await withLock(`${file}.lock`, { signal: taken.signal, onWait }, () => {
      isOurs = true;
      return work(file);
    });
  } catch (error) {
    if (isOurs || error === taken.signal.reason) throw error;
    // Nothing can be made in this folder, or on this disk.
    throw refuse("batch.out-unreadable", { out, reason: messageOf(error) }, error);
  }
}

async function ownName(out: string): Promise<string> {
  try {
    return await realpath(out);
  } catch {
    try {
      return join(await realpath(dirname(out)), basename(out));
    } catch (error) {
      throw refuse("batch.out-unreadable", { out, reason: messageOf(error) }, error);
    }
  }
}
