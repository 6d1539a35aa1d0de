import { GraphQLError } from "graphql";
import * as z from "zod";
import { listOrganizations } from "../../../adapters/postgres/catalog.ts";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import { type KeyScope, opens } from "../../../domain/access/apiKey.ts";
import { patchRequestSchema } from "../../../domain/development/contract.ts";
import { OperatorError } from "../../../domain/errors.ts";
import { isRowId } from "../../../domain/rowId.ts";
import { uploadCredentials } from "../../../domain/uploads/credentials.ts";
import { ApiError } from "../apiError.ts";
import { parseInput } from "../requestBody.ts";
import { uploadBucket } from "../uploads/route.ts";
import type { GraphqlContext, GraphqlParts } from "./context.ts";
import { modelTypes } from "./models.ts";

/** How long a client has for its upload, in milliseconds. */
const uploadWithin = 60 * 60_000;

/** A patch as the truss client sends it; what it says about the state before is known here. */
const stagedPatch = z
  .object({
    prev_hash: patchRequestSchema.shape.prevHash,
    next_hash: patchRequestSchema.shape.nextHash,
    next_signature: patchRequestSchema.shape.nextSignature,
    patch_ops: patchRequestSchema.shape.patches,
  })
  .transform(({ prev_hash, next_hash, next_signature, patch_ops }) => ({
    prevHash: prev_hash,
    nextHash: next_hash,
    nextSignature: next_signature,
    patches: patch_ops,
    sync: false,
  }));

type Args<T> = Readonly<T>;

/** Root fields of `schema.graphql`; fields below them are properties of what these answer. */
export function rootValue(parts: GraphqlParts) {
  const { versions, signingKey, now, newId } = parts;
  const types = modelTypes(parts);

  const patchResult = async (
    version: DevelopmentVersion,
    work: () => Promise<{ readonly succeeded: boolean; readonly error: string | null }>,
  ) => {
    const named = { id: version.modelId, name: version.model, version_id: version.id };
    try {
      return { ...named, needs_full_deploy: false, ...(await work()) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      return { ...named, ...refusal, succeeded: false };
    }
  };

  return {
    teams: (_args: unknown, context: GraphqlContext) => types.teams(context),
    models: (args: Args<{ team_id?: string | null }>, context: GraphqlContext) => types.models(args, context),
    model: (args: Args<{ id?: string | null; name?: string | null }>, context: GraphqlContext) =>
      types.model(args, context),
    model_version: ({ id }: Args<{ id: string }>, context: GraphqlContext) => types.version(id, context),
    truss_validation: ({ config }: Args<{ config: string }>) =>
      parts.deployments ? validation(config) : refusedConfig(declaredByStack),
    model_s3_upload_credentials: async (_args: unknown, { scope }: GraphqlContext) => {
      if (!parts.deployments) throw new ApiError("needs_full_deploy", declaredByStack);
      const key = `${await organizationOf(parts, scope, undefined)}/${newId()}/truss.tar`;
      const { accessKeyId, secretAccessKey, sessionToken } = uploadCredentials(signingKey, key, now() + uploadWithin);
      return {
        s3_bucket: uploadBucket,
        s3_key: key,
        aws_access_key_id: accessKeyId,
        aws_secret_access_key: secretAccessKey,
        aws_session_token: sessionToken,
      };
    },
    truss_watch_state: async ({ id }: Args<{ id: string }>, context: GraphqlContext) => {
      const { version } = await types.developmentVersion(id, context);
      const { headHash, headSignature, seq, runningHash } = await versions.status(version);
      const signature = JSON.stringify(headSignature);
      return {
        is_container_built_from_push: seq === 0,
        django_patch_state: { current_hash: headHash, current_signature: signature },
        // The client compares the hash alone; an unknown one is another one, which makes it send a sync.
        container_patch_state: { current_hash: runningHash ?? "unknown", current_signature: signature },
      };
    },
    deploy_draft_truss: async (
      { name, s3_key, team_id }: Args<{ name: string; s3_key: string; team_id?: string | null }>,
      context: GraphqlContext,
    ) => {
      if (!parts.deployments) throw new ApiError("needs_full_deploy", declaredByStack);
      const organizationId = await organizationOf(parts, context.scope, team_id ?? undefined);
      if ("modelId" in context.scope) await types.model({ name }, context);
      const { versionId } = await parts.deployments.deployDraft({ organizationId, name, upload: s3_key });
      return { model_version: await types.version(versionId, context) };
    },
    delete_development_version: async ({ id }: Args<{ id: string }>, context: GraphqlContext) => {
      const version = isRowId(id) ? await parts.find(id) : undefined;
      if (!version || !opens(context.scope, { id: version.modelId, organizationId: version.organizationId }))
        throw new ApiError("not_found", `there is no development version ${id.slice(0, 20)}`);
      if (!parts.deployments) throw new ApiError("declared_by_stack", declaredByStack);
      const { versionId, model } = await parts.deployments.remove(version);
      return { id: versionId, name: model };
    },
    create_model_from_truss: refusePublishing,
    create_model_version_from_truss: refusePublishing,
    stage_patch_for_draft_truss: async (
      { id, patch }: Args<{ id: string; patch: string }>,
      context: GraphqlContext,
    ) => {
      const { version } = await types.developmentVersion(id, context);
      return patchResult(version, async () => {
        await versions.patch(version, parseInput(stagedPatch, decoded(patch, "patch"), "patch"), context.name);
        return { succeeded: true, error: null };
      });
    },
    sync_draft_truss: async ({ id }: Args<{ id: string }>, context: GraphqlContext) => {
      const { version } = await types.developmentVersion(id, context);
      return patchResult(version, async () => {
        // Who watches a version wants it to run.
        if ((await versions.status(version)).state === "stopped") await versions.wake(version);
        const { state, reason } = await versions.syncToHead(version.id);
        if (state === "synced") return { succeeded: true, error: null };
        return { succeeded: false, error: reason ?? state };
      });
    },
  };
}

const declaredByStack =
  "pushes are not built here, for this API service has no build service: declare the model in the stack and run `pulumi up`";

function refusePublishing(): never {
  throw new ApiError(
    "needs_full_deploy",
    "published versions are declared by the stack: declare the model there and run `pulumi up`, or push with --watch",
  );
}

/** The organization that a push belongs to: the one asked for, or the first that the key opens. */
async function organizationOf({ pool }: GraphqlParts, scope: KeyScope, wanted: string | undefined): Promise<string> {
  const organizations = await listOrganizations(pool, scope);
  const found = wanted === undefined ? organizations[0] : organizations.find(({ id }) => id === wanted);
  if (!found) throw new ApiError("key_scope", "the API key is not for this team");
  return found.id;
}

/** A refusal that the client shows; undefined for what is no refusal. */
function refusalOf(error: unknown): { readonly needs_full_deploy: boolean; readonly error: string } | undefined {
  if (error instanceof ApiError && error.status < 500) {
    return { needs_full_deploy: error.code === "needs_full_deploy", error: error.message };
  }
  if (error instanceof OperatorError && error.exitCode === 2) return { needs_full_deploy: false, error: error.message };
  return undefined;
}

/** The client stops before it uploads anything, and shows the sentence. */
function refusedConfig(sentence: string) {
  return { success: false, details: JSON.stringify({ errors: [sentence], warnings: [] }) };
}

function validation(config: string): { readonly success: boolean; readonly details: string } {
  const answer = (errors: string[], warnings: string[] = []) => ({
    success: errors.length === 0,
    details: JSON.stringify({ errors, warnings }),
  });
  try {
    const parsed = z
      .object({ resources: z.object({ accelerator: z.string().nullish() }).nullish() })
      .parse(decoded(config, "config"));
    const accelerator = parsed.resources?.accelerator;
    return answer(
      [],
      accelerator ? [`resources.accelerator ${accelerator}: which nodes it runs on is the stack's`] : [],
    );
  } catch (error) {
    return answer([error instanceof GraphQLError ? error.message : "the config is not a truss config"]);
  }
}

function decoded(base64: string, name: string): unknown {
  try {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) throw new Error("not base64");
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64")));
  } catch (error) {
    throw new ApiError("bad_request", `${name}: is not JSON in base64`, error);
  }
}
