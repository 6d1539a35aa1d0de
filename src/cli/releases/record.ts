import { readFile } from "node:fs/promises";
import type { ClientBase } from "pg";
import * as z from "zod";
import { deploymentOfId, deploymentOfTag } from "../../adapters/postgres/releases.ts";
import { messageOf } from "../../domain/errors.ts";
import type { DeploymentRange, RestorableDeployment } from "../../domain/release/record.ts";
import { isRowId } from "../../domain/rowId.ts";
import { refuse } from "../refusals.ts";

const range = z.object({
  id: z.string(),
  environment: z.string(),
  tag: z.string(),
  scheme: z.string(),
  code: z.string(),
  outcome: z.enum(["deployed", "mixed"]),
  models: z.array(
    z.object({
      name: z.string(),
      version: z.number().nullable(),
      hash: z.string().nullable(),
      source: z.string(),
      service: z.string().nullable(),
      digest: z.string().nullable(),
    }),
  ),
  since: z.coerce.date(),
  until: z.coerce.date().nullable(),
  stateSchema: z.string().nullable(),
  configDigest: z.string(),
  commit: z.string().nullable(),
  promotedFrom: z.string().nullable(),
  requestedBy: z.string(),
  run: z.string(),
  settledBy: z.enum(["up", "next up", "api"]),
  reason: z.string().nullable(),
});

/** What `menagerie releases --json` printed, of an environment whose database is elsewhere. */
export async function readRecordFile(path: string): Promise<DeploymentRange[]> {
  try {
    return z.array(range).parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const reason = error instanceof z.ZodError ? "another JSON" : messageOf(error);
    throw refuse("releases.record-wrong", { path, reason });
  }
}

/**
 * A deployment by its release's tag, or by its own number, which `releases` lists.
 * @param allowed - with a number, whether it may be one that did not come to what was intended
 */
export function findDeployment(
  client: ClientBase,
  stack: string,
  tagOrId: string,
  allowed?: "complete" | "mixed too",
): Promise<RestorableDeployment> {
  return isRowId(tagOrId) ? deploymentOfId(client, stack, tagOrId, allowed) : deploymentOfTag(client, stack, tagOrId);
}
