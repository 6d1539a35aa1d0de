import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const main = join(import.meta.dirname, "../../src/cli/main.ts");

/** A model's server that tells what it was asked. */
export interface CountingModel {
  /** Where it predicts. */
  readonly url: string;
  readonly port: number;
  /** How often each body came. */
  readonly asked: Map<string, number>;
  /** Headers of the last request. */
  readonly headers: () => IncomingMessage["headers"];
  readonly close: () => Promise<void>;
}

type Answer = (body: string, response: ServerResponse, url: string) => void;

export const predictPath = "/v1/models/model:predict";

const echo: Answer = (body, response) => {
  response.writeHead(200, { "content-type": "application/json" }).end(`{"got": ${body.length}}`);
};

/** @param port - @default one that is free */
export async function countingModel(answer: Answer = echo, port = 0): Promise<CountingModel> {
  const asked = new Map<string, number>();
  let headers: IncomingMessage["headers"] = {};
  const server: Server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    headers = request.headers;
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    asked.set(body, (asked.get(body) ?? 0) + 1);
    answer(body, response, request.url ?? "");
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}${predictPath}`,
    port: own,
    asked,
    headers: () => headers,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** How `menagerie predict` ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said on its standard error until now. */
  readonly said: () => string;
}

/** Starts `menagerie predict` in a process of its own. */
export function startPredict(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [main, "predict", ...args], {
    env: { ...process.env, NO_COLOR: "1", MENAGERIE_HOME: "/nonexistent", MENAGERIE_API_KEY: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    stderr += piece;
  });
  const ended = (async () => {
    const [stdout] = await Promise.all([text(child.stdout), once(child, "close")]);
    return { code: child.exitCode, stdout, stderr };
  })();
  return { child, ended, said: () => stderr };
}

export function predict(...args: readonly string[]): Promise<Ended> {
  return startPredict(args).ended;
}

export interface AnswerOfFile {
  readonly line: number;
  readonly input_sha256: string;
  readonly ok: boolean;
  readonly custom_id?: string;
  readonly response: { readonly status_code: number; readonly body?: unknown; readonly text?: string } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** The answers of a file, every line of which has to be one. */
export async function answersIn(file: string): Promise<AnswerOfFile[]> {
  const content = await readFile(file, "utf8");
  if (content !== "" && !content.endsWith("\n")) throw new Error("the file ends in the middle of an answer");
  return content
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AnswerOfFile);
}

export function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
