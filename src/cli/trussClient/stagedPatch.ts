import { Kind, parse, visit } from "graphql";
import * as z from "zod";

/** A patch that the truss client stored at the head of a development version. */
export interface StagedPatch {
  readonly versionId: string;
  /** Content hash of the folder that it was computed from: 64 hex digits. */
  readonly hash: string;
}

const fieldName = "stage_patch_for_draft_truss";
const asked = z.object({ query: z.string() });
const patch = z.object({ next_hash: z.string().regex(/^[0-9a-f]{64}$/) });
const answered = z.object({
  data: z.object({ [fieldName]: z.object({ version_id: z.string(), succeeded: z.literal(true) }) }),
});

/**
 * What a GraphQL exchange of the truss client (0.18.35) stored; undefined for every other exchange, and for a patch that was
 * refused. The client writes its arguments into the document.
 */
export function stagedPatch(request: string, answer: string): StagedPatch | undefined {
  if (!request.includes(fieldName)) return undefined;
  try {
    const done = answered.parse(JSON.parse(answer));
    const { next_hash: hash } = patch.parse(JSON.parse(sentPatch(asked.parse(JSON.parse(request)).query)));
    return { versionId: done.data[fieldName].version_id, hash };
  } catch {
    // Another client's way to say it: nothing is known then, and `up` asks before it replaces a head.
    return undefined;
  }
}

function sentPatch(query: string): string {
  let base64 = "";
  visit(parse(query, { noLocation: true }), {
    Argument: ({ name, value }) => {
      if (name.value === "patch" && value.kind === Kind.STRING) base64 = value.value;
    },
  });
  return Buffer.from(base64, "base64").toString("utf8");
}
