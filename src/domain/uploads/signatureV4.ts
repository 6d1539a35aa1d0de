import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { sameHash } from "../access/apiKey.ts";

/**
 * AWS Signature Version 4 as S3 uses it
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): what a request must say so that its
 * signature can be checked. Header names in lower case.
 */
export interface SignedRequest {
  readonly method: string;
  /** As it was sent, percent-encoded, without the query. */
  readonly path: string;
  /** As it was sent, without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
}

const authorization =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/s3\/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/;
/** How far clocks may be apart, in milliseconds: S3's own bound. */
const skew = 15 * 60_000;

/** Why the signature does not hold; undefined when it does. Compares in constant time. */
export function signatureIssue(request: SignedRequest, secret: string, now: number): string | undefined {
  const parsed = authorization.exec(request.headers.authorization ?? "");
  if (!parsed) return "there is no AWS4-HMAC-SHA256 signature for S3";
  const [, , date = "", region = "", names = "", signature = ""] = parsed;
  const time = request.headers["x-amz-date"] ?? "";
  const sentAt = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!time.startsWith(date) || Number.isNaN(sentAt)) return "x-amz-date is missing or another day's";
  if (Math.abs(now - sentAt) > skew) return "the request is too old, or the clocks are apart";
  const signed = names.split(";");
  const needed = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
  const unsigned = needed.find((name) => !signed.includes(name) || request.headers[name] === undefined);
  if (unsigned) return `${unsigned} is not signed`;
  const canonical = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...signed.map((name) => `${name}:${(request.headers[name] ?? "").trim().replaceAll(/ +/g, " ")}`),
    "",
    names,
    request.headers["x-amz-content-sha256"] ?? "",
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, bytesToHex(sha256(utf8ToBytes(canonical)))].join("\n");
  const key = [date, region, "s3", "aws4_request"].reduce(
    (from, part) => hmac(sha256, from, utf8ToBytes(part)),
    utf8ToBytes(`AWS4${secret}`),
  );
  const wanted = bytesToHex(hmac(sha256, key, utf8ToBytes(text)));
  return sameHash(sha256(utf8ToBytes(wanted)), sha256(utf8ToBytes(signature))) ? undefined : "the signature is wrong";
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
    .sort()
    .join("&");
}
