import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import * as z from "zod";
import { keyHash, sameHash } from "../access/apiKey.ts";
import { limitKinds } from "./limits.ts";

/** The header by which a request at the gateway carries its claim to the recorder; neither clients nor models are meant to see it. */
export const claimHeader = "x-menagerie-usage";

const claimSchema = z.strictObject({
  id: z.uuid(),
  organization: z.string(),
  app: z.string(),
  model: z.string(),
  day: z.iso.date(),
  reserved: z.array(
    z.strictObject({ subject: z.string(), kind: z.enum(limitKinds), since: z.number(), amount: z.number() }),
  ),
});

/** A request that was let in, whose tokens are counted where its answer passes. */
export type UsageClaim = z.output<typeof claimSchema>;

/** The claim as text that only the API service can have made. */
export function sealClaim(claim: UsageClaim, signingKey: string): string {
  const text = Buffer.from(JSON.stringify(claim)).toString("base64url");
  return `${text}.${seal(text, signingKey)}`;
}

/** Undefined for text that the API service has not made. */
export function openClaim(text: string, signingKey: string): UsageClaim | undefined {
  const [body = "", given = ""] = text.split(".");
  if (!sameHash(keyHash(seal(body, signingKey)), keyHash(given))) return undefined;
  return claimSchema.parse(JSON.parse(Buffer.from(body, "base64url").toString()));
}

function seal(text: string, signingKey: string): string {
  return bytesToHex(hmac(sha256, utf8ToBytes(signingKey), utf8ToBytes(`menagerie usage ${text}`)));
}
