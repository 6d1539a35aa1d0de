import { createHash, timingSafeEqual } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as z from "zod";
import { buildPath, type builtSchema, type unbuildableSchema } from "../../adapters/builds/buildService.ts";
import { writeTree } from "../../adapters/truss/writeTree.ts";
import { pushLimits, readPushedTruss } from "../../domain/development/pushedTruss.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { clauseOf } from "../../domain/refusals/refusal.ts";
import type { TrussBuilder } from "../../domain/truss/builder.ts";
import { treeBelow } from "../../domain/truss/tree.ts";

export interface BuildServerOptions {
  /** Builds into the environment's image store. */
  readonly builder: (signal: AbortSignal) => Promise<TrussBuilder>;
  /** A secret. */
  readonly token: string;
  readonly log: (line: string) => void;
}

/** Bytes that a slow client may leave unsent are bounded by time: milliseconds for the whole archive. */
const uploadWithinMs = 120_000;

/**
 * The environment's build service: `POST /builds?name=…&hash=…` with an archive answers its image. It is on the host, where
 * images, Python and the network are; the API service reaches it from its pod with the token. A client that leaves ends its build.
 */
export function createBuildServer(options: BuildServerOptions): Server {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log(`a build failed: ${messageOf(error)}`);
      if (!response.headersSent) send(response, 500, { error: "the build service failed; its log says more" });
      else response.destroy();
    });
  });
  server.requestTimeout = uploadWithinMs;
  return server;
}

async function answer(options: BuildServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? "", "http://build");
  const refuse = (status: number, error: string): void => {
    request.resume();
    send(response, status, { error });
  };
  if (!isToken(request.headers.authorization, options.token)) return refuse(401, "the token is wrong");
  if (request.method !== "POST" || url?.pathname !== buildPath) return refuse(404, "there is only POST /builds");
  const [name, hash] = [url.searchParams.get("name") ?? "", url.searchParams.get("hash") ?? ""];
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) || !/^[0-9a-f]{64}$/.test(hash)) {
    return refuse(400, "name must be a DNS label, hash 64 hex digits");
  }
  const archive = await received(request);
  if (!archive) return refuse(413, `the archive is larger than ${pushLimits.size} bytes`);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const folder = await mkdtemp(join(tmpdir(), "menagerie-build-"));
  try {
    const truss = join(folder, "truss");
    await writeTree(truss, treeBelow(readPushedTruss(archive).snapshot, ""));
    const image = await (await options.builder(gone.signal)).build({ folder: truss, hash, name, control: true });
    options.log(`built ${image.url}@${image.digest}`);
    send(response, 200, { url: image.url, digest: image.digest });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    if (!gone.signal.aborted) options.log(`${name} cannot be built: ${error.message}`);
    const { problem, fix } = clauseOf(error);
    send(response, 422, { error: problem, fix });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

async function received(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > pushLimits.size) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function send(
  response: ServerResponse,
  status: number,
  body: z.input<typeof builtSchema> | z.input<typeof unbuildableSchema>,
): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
