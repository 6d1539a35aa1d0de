import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../../domain/errors.ts";
import { ports } from "../network/addresses.ts";
import type { KeyPairFiles } from "../pki.ts";
import { logQuery, readLog } from "./containerLog.ts";
import { isRunning } from "./containerPlan.ts";
import { logFile } from "./containerProcess.ts";
import type { PodWorker } from "./podWorker.ts";

/** The name in the API server's client certificate; nobody else may read logs here. */
const allowedClient = "kube-apiserver-kubelet-client";

export interface KubeletServer {
  close(): Promise<void>;
}

/** The node's endpoint for the API server, on its InternalIP: `/containerLogs`, `/pods`, `/healthz`. */
export async function startKubeletServer(
  address: string,
  files: KeyPairFiles,
  node: { readonly workers: Iterable<PodWorker> },
): Promise<KubeletServer> {
  const [cert, key, ca] = await Promise.all(
    [files.certFile, files.keyFile, files.caFile].map((file) => readFile(file)),
  );
  const server = createServer(
    { cert: cert as Buffer, key: key as Buffer, ca: ca as Buffer, requestCert: true, rejectUnauthorized: true },
    (incoming, response) => {
      answer(incoming, response, node.workers).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(messageOf(error));
      });
    },
  );
  // exec, attach and port-forward begin with an upgrade.
  server.on("upgrade", (incoming: IncomingMessage, socket: NodeJS.WritableStream) => {
    const body = notImplemented(new URL(incoming.url ?? "/", "https://node").pathname.split("/")[1] ?? "");
    socket.end(
      `HTTP/1.1 501 Not Implemented\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(ports.kubelet, address, () => resolve());
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  workers: Iterable<PodWorker>,
): Promise<void> {
  const subject = (incoming.socket as TLSSocket).getPeerCertificate().subject;
  if (subject?.CN !== allowedClient) {
    response.writeHead(403).end(`only ${allowedClient} may ask here\n`);
    return;
  }
  const url = new URL(incoming.url ?? "/", "https://node");
  const [, kind, namespace, name, container] = url.pathname.split("/").map(decodeURIComponent);
  if (kind === "healthz") response.writeHead(200).end("ok");
  else if (kind === "pods") {
    const items = [...workers].map(({ pod }) => pod).filter((pod) => pod !== undefined);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ apiVersion: "v1", kind: "PodList", items }));
  } else if (kind === "containerLogs" && namespace && name && container) {
    const worker = [...workers].find(({ record }) => record.namespace === namespace && record.name === name);
    await containerLogs(response, worker, container, url.searchParams);
  } else if (kind === "exec" || kind === "attach" || kind === "portForward" || kind === "run") {
    response.writeHead(501).end(notImplemented(kind));
  } else {
    response.writeHead(404).end("not found\n");
  }
}

async function containerLogs(
  response: ServerResponse,
  worker: PodWorker | undefined,
  container: string,
  parameters: URLSearchParams,
): Promise<void> {
  const query = logQuery(parameters, Date.now());
  const known = worker?.record.containers[container];
  const attempt = (known?.runs ?? 0) - (query.previous ? 2 : 1);
  if (!worker) {
    response.writeHead(404).end("the pod is not on this node\n");
    return;
  }
  if (!known || attempt < 0) {
    const state = query.previous ? "has no previous run" : "is waiting to start";
    response.writeHead(400).end(`container "${container}" in pod "${worker.record.name}" ${state}\n`);
    return;
  }
  const abort = new AbortController();
  response.on("close", () => abort.abort());
  const ended = (): boolean => known.runs - 1 !== attempt || !isRunning(known);
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  const path = logFile(worker.containers.folderOf(container), attempt);
  for await (const text of readLog(path, query, ended, abort.signal)) {
    if (!response.write(text)) {
      await new Promise((resolve) => {
        response.once("drain", resolve);
        response.once("close", resolve);
      });
    }
  }
  response.end();
}

function notImplemented(kind: string): string {
  return `the local environment's nodes do not implement ${kind}; only logs can be read\n`;
}
