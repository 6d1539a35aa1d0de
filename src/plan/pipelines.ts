import { pipelineSource } from "../adapters/images/checkoutImage.ts";
import type { JournaledPipeline } from "../adapters/postgres/releaseState/pipelines.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";

/** A pipeline of the current release. */
export interface PlannedPipeline {
  readonly name: string;
  /** Content hash of its folder: of what ran, or what would be run; null for one whose image is given. */
  readonly hash: string | null;
  /** Whether it came to its end for this release, and so does not run again. */
  readonly ran: boolean;
}

/**
 * What each declared pipeline would run for the current release. Folders of those that ran are not read: they may hold another
 * release's code by now.
 * @param journaled those of the current release
 */
export async function planPipelines(
  { pipelines }: Pick<NonNullable<EnvironmentSpec["state"]>, "pipelines">,
  journaled: readonly JournaledPipeline[],
): Promise<PlannedPipeline[]> {
  const planned = Object.entries(pipelines).map(async ([name, { folder, image, schedule }]) => {
    const known = journaled.find((each) => each.name === name && each.finishedAt !== null);
    const ran = known !== undefined && schedule === undefined;
    if (image !== undefined || folder === undefined) return { name, hash: null, ran };
    if (ran) return { name, hash: known.source, ran };
    const hash = await pipelineSource(process.cwd(), folder).catch((error: unknown) => {
      const key = keyPath(["state", "pipelines", name, "folder"]);
      throw refused(refusal("pipeline.folder-unreadable", key, { folder, reason: messageOf(error) }), error);
    });
    return { name, hash, ran };
  });
  return (await Promise.all(planned)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
