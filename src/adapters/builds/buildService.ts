import { Agent, request } from "undici";
import * as z from "zod";
import type { ArchiveBuilder } from "../../domain/truss/archiveBuilder.ts";
import { refuse } from "./refusals.ts";

/** Path of the build service; the query says `name` and `hash`, the body is the archive. */
export const buildPath = "/builds";

/** What a build service answers: 200 with an image, 422 with what is wrong with the truss. */
export const builtSchema = z.strictObject({ url: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) });
export const unbuildableSchema = z.object({ error: z.string(), fix: z.string().default("") });

/** Where a build service is. */
export interface BuildAddress {
  /** Without a path. */
  readonly url: string;
  /** A secret. */
  readonly token: string;
}

/** Builds with a build service, such as that of the local environment. A build takes as long as it takes. */
export function createBuildService({ url, token }: BuildAddress): ArchiveBuilder {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, connectTimeout: 5_000 });
  return {
    async build({ archive, hash, name }, signal) {
      const answer = await request(`${url}${buildPath}`, {
        method: "POST",
        query: { name, hash },
        headers: { authorization: `Bearer ${token}`, "content-type": "application/x-tar" },
        body: archive,
        dispatcher,
        signal,
      });
      const text = await answer.body.text();
      if (answer.statusCode === 200) return builtSchema.parse(JSON.parse(text));
      if (answer.statusCode === 422) {
        const { error: problem, fix } = unbuildableSchema.parse(JSON.parse(text));
        throw refuse("build.refused", { problem, fix });
      }
      throw refuse("build.service-failed", { statusCode: answer.statusCode });
    },
  };
}
