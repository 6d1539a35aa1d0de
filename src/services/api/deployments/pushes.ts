import type { Pool } from "pg";
import { addressSeal } from "../../../adapters/postgres/addressSeal.ts";
import { deletePushed, listPushed, VersionInUse } from "../../../adapters/postgres/pushedVersions.ts";
import { DeclaredByStack, lastPush, recordPush } from "../../../adapters/postgres/pushes.ts";
import type { UploadStore } from "../../../adapters/uploads/uploadStore.ts";
import { readPushedTruss, refusePushedName } from "../../../domain/development/pushedTruss.ts";
import { rowId } from "../../../domain/rowId.ts";
import { pushedServiceName } from "../../../domain/serving/pushedService.ts";
import type { PushedServices } from "../../../domain/serving/pushedServices.ts";
import { loadFastDigest } from "../../../domain/truss/digest.ts";
import { ApiError } from "../apiError.ts";
import type { Deployments } from "../graphql/context.ts";

export interface PushParts {
  readonly pool: Pool;
  readonly uploads: UploadStore;
  readonly services: Pick<PushedServices, "remove">;
  readonly modelsNamespace: string;
  /** Key that what is stored of addresses is sealed by. */
  readonly signingKey: string;
  /** Called when there is something to deploy. */
  readonly onPushed: () => void;
}

const uploadKey = new RegExp(String.raw`^(${rowId})/[0-9a-f-]{36}/truss\.tar$`);

/**
 * What clients push, checked and recorded; {@link deployPushes} carries it out. Everything that can be told from the archive is
 * told before anything is recorded.
 */
export function pushDeployments(parts: PushParts): Deployments {
  const { pool, uploads, services, modelsNamespace, signingKey, onPushed } = parts;
  const { seal } = addressSeal(signingKey);
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
        const made = await recordPush(pool, { organizationId, name, upload, hash, ...seal({ config, signature }) });
        onPushed();
        return made;
      } catch (error) {
        if (error instanceof DeclaredByStack) throw new ApiError("needs_full_deploy", error.message);
        throw error;
      }
    },
    status: (versionId) => lastPush(pool, versionId),
    list: (scope) => listPushed(pool, scope),
    async remove({ id, model, isOwnedByApi }) {
      const declared = `${model} is declared by the stack: take it out of menagerie:development and run \`pulumi up\``;
      if (!isOwnedByApi) throw new ApiError("declared_by_stack", declared);
      // First, so that a push under way ends; a service that it still makes is found by `reconcile`.
      const removed = await deletePushed(pool, id).catch((error: unknown) => {
        throw error instanceof VersionInUse ? new ApiError("in_use", error.message) : error;
      });
      if (!removed) throw new ApiError("not_found", `there is no development version ${id}`);
      await services.remove(pushedServiceName(id), modelsNamespace);
      for (const key of removed) await uploads.remove(key);
      return { versionId: id, model };
    },
  };
}
