import type { Logger } from "pino";
import type { VersionCluster } from "../../../domain/development/ports.ts";
import type { Prepared } from "../../../domain/sleep/ports.ts";
import type { SyncOutcome } from "./syncToHead.ts";

export interface SyncFirstParts {
  readonly cluster: Pick<VersionCluster, "pod">;
  readonly syncToHead: (versionId: string) => Promise<SyncOutcome>;
  readonly log: Logger;
}

/** Brings a development version's pod to the head of its patches, as it has to be before requests go to it. */
export function syncFirst({ cluster, syncToHead, log }: SyncFirstParts) {
  return async (versionId: string, ignored: ReadonlySet<string>): Promise<Prepared> => {
    const pod = cluster.pod(versionId);
    if (!pod || ignored.has(pod.name)) return { kind: "starting" };
    const { state, reason } = await syncToHead(versionId);
    if (state === "synced") return { kind: "answers" };
    if (state === "waking" || state === "stopped" || state === "recreate") return { kind: "starting" };
    // Callers of predictions are not those who patch: what an installer printed is not theirs to read.
    log.warn({ versionId, state, reason }, "requests are not answered: their version does not come up");
    return { kind: "broken", reason: `its patches are not in (${state}); \`menagerie watch\` says why` };
  };
}
