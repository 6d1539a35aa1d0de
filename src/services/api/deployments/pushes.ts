import type { Pool } from "pg";
import { DeclaredByStack, lastPush, recordPush } from "../../../adapters/postgres/pushes.ts";
import type { UploadStore } from "../../../adapters/uploads/uploadStore.ts";
import { readPushedTruss, refusePushedName } from "../../../domain/development/pushedTruss.ts";
import { loadFastDigest } from "../../../domain/truss/digest.ts";
import { ApiError } from "../apiError.ts";
import type { Deployments } from "../graphql/context.ts";

export interface PushParts {
  readonly pool: Pool;
  readonly uploads: UploadStore;
  /** Called when there is something to deploy. */
  readonly onPushed: () => void;
}

const uploadKey = /^([1-9][0-9]{0,17})\/[0-9a-f-]{36}\/truss\.tar$/;

/**
 * What clients push, checked and recorded; {@link deployPushes} carries it out. Everything that can be told from the archive is
 * told before anything is recorded.
 */
export function pushDeployments({ pool, uploads, onPushed }: PushParts): Deployments {
  return {
    async deployDraft({ organizationId, name, upload }) {
      refusePushedName(name);
      if (uploadKey.exec(upload)?.[1] !== organizationId) {
        throw new ApiError("bad_request", "s3_key: is none that was given out for this team");
      }
      const archive = await uploads.read(upload);
      if (!archive) throw new ApiError("bad_request", "s3_key: nothing was uploaded there");
      await loadFastDigest();
      const { configText: config, hash, signature } = readPushedTruss(archive);
      try {
        const made = await recordPush(pool, { organizationId, name, upload, config, hash, signature });
        onPushed();
        return made;
      } catch (error) {
        if (error instanceof DeclaredByStack) throw new ApiError("needs_full_deploy", error.message);
        throw error;
      }
    },
    status: (versionId) => lastPush(pool, versionId),
  };
}
