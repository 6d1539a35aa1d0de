import * as z from "zod";
import { openClaim } from "../../../domain/limits/claim.ts";
import { recordingSchema } from "../../../domain/recording/settings.ts";
import { readJson } from "../requestBody.ts";
import type { Route } from "../route.ts";
import { countOf, type LimitParts } from "./countedRequest.ts";

const count = z.int().min(0).nullable();
const reported = z.strictObject({
  /** Of the recorder's tables: a copy that a shadow answers is nobody's usage. */
  schema: z.string(),
  settled: z
    .array(
      z.strictObject({
        claim: z.string(),
        /** Null where the answer tells of none. */
        tokens: z.strictObject({ prompt: count, completion: count }).nullable(),
      }),
    )
    .max(10_000),
});

/** Where recorders report. */
export const settledPath = "/usage/settled";

/** What recorders tell of the tokens of requests that the gateway let pass. Not at the gateway itself; a claim is its own right. */
export function settledRoute({ counts }: LimitParts, signingKey: string): Route {
  return {
    prefix: settledPath,
    async handle(request, response) {
      const { schema, settled } = await readJson(request, 16 * 1024 ** 2, reported);
      for (const { claim: text, tokens } of settled) {
        const claim = openClaim(text, signingKey);
        if (claim && recordingSchema(claim.model) === schema) counts.claim(claim, countOf(tokens ?? undefined));
      }
      response.writeHead(204).end();
    },
  };
}
