import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { type StoredContent, type UploadStore, UploadTooLarge } from "../../../adapters/uploads/uploadStore.ts";
import { OperatorError } from "../../../domain/errors.ts";
import { readSessionToken } from "../../../domain/uploads/credentials.ts";
import { signatureIssue } from "../../../domain/uploads/signatureV4.ts";
import { readBytes } from "../requestBody.ts";
import type { Route } from "../route.ts";

export interface UploadRouteParts {
  readonly store: UploadStore;
  readonly signingKey: string;
  readonly now: () => number;
  readonly log: Pick<Logger, "error">;
}

/** Name of the bucket, and so the first part of the path. */
export const uploadBucket = "menagerie-uploads";

/** Bytes of the list that completes an upload in parts. */
const longestList = 1024 * 1024;

/** An error as S3 answers it (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
class S3Error extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * The part of S3 that an upload needs: PUT of one object, whole or in parts, path-style, under credentials that the
 * service gave for that key. Signatures (SigV4) and content hashes are checked before anything is kept.
 */
export function uploadRoute(parts: UploadRouteParts): Route {
  return {
    prefix: `/${uploadBucket}/`,
    async handle(request, response, { path }) {
      try {
        const key = permittedKey(parts, request, path);
        await answer(parts.store, request, response, key);
      } catch (error) {
        request.resume();
        const known = asS3Error(error);
        if (error instanceof OperatorError) parts.log.error({ err: error }, error.message);
        if (!(known instanceof S3Error) || response.headersSent) throw error;
        sendXml(
          response,
          `<Error><Code>${known.code}</Code><Message>${escaped(known.message)}</Message></Error>`,
          known.status,
        );
      }
    },
  };
}

/** What the client shows; where the store's address and keys are wrong, the operator's log says more. */
function asS3Error(error: unknown): unknown {
  if (error instanceof UploadTooLarge) return new S3Error(413, "EntityTooLarge", error.message);
  if (!(error instanceof OperatorError)) return error;
  return new S3Error(
    500,
    "UploadsUnavailable",
    "the platform cannot keep uploads now; the log of its API service says why, then push again",
  );
}

/** The key, where the request is signed with credentials for it. */
function permittedKey({ signingKey, now }: UploadRouteParts, request: IncomingMessage, path: string): string {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value ?? "")]),
  );
  const allowed = readSessionToken(signingKey, headers["x-amz-security-token"] ?? "", now());
  if (!allowed) throw new S3Error(403, "InvalidToken", "the session token is false or has ended");
  const query = request.url?.split("?", 2)[1] ?? "";
  const issue = signatureIssue({ method: request.method ?? "", path, query, headers }, allowed.secret, now());
  if (issue) throw new S3Error(403, "SignatureDoesNotMatch", issue);
  if (path !== `/${uploadBucket}/${allowed.key}`)
    throw new S3Error(403, "AccessDenied", "the credentials are for another key");
  return allowed.key;
}

async function answer(
  store: UploadStore,
  request: IncomingMessage,
  response: ServerResponse,
  key: string,
): Promise<void> {
  const query = new URLSearchParams(request.url?.split("?", 2)[1] ?? "");
  const uploadId = query.get("uploadId");
  if (uploadId !== null && !/^[0-9a-f-]{36}$/.test(uploadId))
    throw new S3Error(404, "NoSuchUpload", "there is no such upload");
  const part = (number: number): string => `${key}.parts/${uploadId}/${number}`;
  switch (
    `${request.method} ${[...query.keys()]
      .filter((name) => name !== "x-id")
      .sort()
      .join(",")}`
  ) {
    case "PUT ":
      return sendEtag(response, await store.put(key, request, (stored) => checkContent(request, stored)));
    case "PUT partNumber,uploadId": {
      const number = partNumber(query.get("partNumber"));
      return sendEtag(response, await store.put(part(number), request, (stored) => checkContent(request, stored)));
    }
    case "POST uploads":
      return sendXml(
        response,
        `<InitiateMultipartUploadResult><Bucket>${uploadBucket}</Bucket><Key>${escaped(key)}</Key><UploadId>${randomUUID()}</UploadId></InitiateMultipartUploadResult>`,
      );
    case "POST uploadId": {
      const list = (await readBytes(request, longestList)).toString("utf8");
      const numbers = [...list.matchAll(/<PartNumber>\s*(\d+)\s*<\/PartNumber>/g)].map(([, number]) =>
        partNumber(number),
      );
      if (numbers.length === 0) throw new S3Error(400, "MalformedXML", "the list names no parts");
      const stored = await store.join(key, numbers.map(part));
      if (!stored) throw new S3Error(400, "InvalidPart", "a part was not uploaded");
      return sendXml(
        response,
        `<CompleteMultipartUploadResult><Bucket>${uploadBucket}</Bucket><Key>${escaped(key)}</Key><ETag>"${stored.etag}"</ETag></CompleteMultipartUploadResult>`,
      );
    }
    case "DELETE uploadId":
      await store.remove(`${key}.parts/${uploadId}`);
      response.writeHead(204).end();
      return;
    default:
      throw new S3Error(501, "NotImplemented", "only uploads are taken here");
  }
}

function checkContent({ headers }: IncomingMessage, { sha256 }: StoredContent): void {
  const said = String(headers["x-amz-content-sha256"] ?? "");
  if (said.startsWith("STREAMING-"))
    throw new S3Error(501, "NotImplemented", "chunked signatures are not taken; sign the payload");
  if (said !== "UNSIGNED-PAYLOAD" && said !== sha256) {
    throw new S3Error(400, "XAmzContentSHA256Mismatch", "the content is not what was signed");
  }
}

function partNumber(text: string | null | undefined): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 10_000) return number;
  throw new S3Error(400, "InvalidArgument", "part numbers go from 1 to 10000");
}

function sendEtag(response: ServerResponse, { etag }: StoredContent): void {
  response.writeHead(200, { etag: `"${etag}"`, "content-length": "0" }).end();
}

function sendXml(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`);
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
