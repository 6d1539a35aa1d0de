import { plainHash } from "../../../../../src/domain/patch/position.ts";
import type { SyncResult } from "../../../../../src/domain/patch/turn.ts";
import type { Container } from "./container.ts";

/** Requests are applied in order, and what lies on the disk is what the hash says. */
export function judgeContainer(container: Container): void {
  const { applications } = container;
  for (const [index, { prev, next, disk, used }] of applications.entries()) {
    const before = applications[index - 1];
    if (before && before.next !== prev && !used) throw new Error(`applied out of order: ${prev} after ${before.next}`);
    if (!used && disk !== plainHash(next)) throw new Error(`the disk has ${disk} under the hash ${next}`);
  }
}

/** No result says of the container what was not true at some moment while the sync ran. */
export function judgeResult(
  result: SyncResult,
  headAtStart: { readonly seq: number; readonly generation: number },
  containers: readonly Container[],
  began: number,
  ended: number,
): void {
  const seen = containers.flatMap((container) =>
    container.history.filter((one, index) => {
      const until = container.history[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      return one.at <= ended && until >= began;
    }),
  );
  if (result.state === "synced") {
    if (result.generation === headAtStart.generation && result.seq < headAtStart.seq) {
      throw new Error(`synced to ${result.seq} though ${headAtStart.seq} was stored before`);
    }
    if (!seen.some(({ hash, serving }) => hash === result.hash && serving === result.hash)) {
      const what = seen.map(({ hash, serving }) => `hash ${hash} serving ${serving}`).join("\n");
      throw new Error(`a lie: synced to ${result.hash}\n${what}`);
    }
  } else if (result.running.hash !== null && !seen.some(({ hash }) => plainHash(hash) === result.running.hash)) {
    throw new Error(`a lie: ${result.state}, running ${result.running.hash}`);
  }
}
