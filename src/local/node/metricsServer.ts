import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../../domain/errors.ts";
import { frontProxy, type KeyPairFiles } from "../pki.ts";
import type { KubeletServer } from "./kubeletServer.ts";
import { parseSelector } from "./labelSelector.ts";
import { groupVersion, nodeMetrics, podMetrics, resourceList } from "./resourceMetrics.ts";
import type { UsageMeter } from "./usageMeter.ts";

type Measured = Pick<UsageMeter, "pods" | "nodes">;

/**
 * The API `metrics.k8s.io/v1beta1`, which the API server passes on to: what `kubectl top` and HorizontalPodAutoscalers ask. Who may ask
 * the API server has judged (RBAC), so only its aggregator is let in.
 */
export async function startMetricsServer(
  { host, port }: { readonly host: string; readonly port: number },
  files: KeyPairFiles,
  meter: Measured,
): Promise<KubeletServer> {
  const [cert, key, ca] = await Promise.all(
    [files.certFile, files.keyFile, files.caFile].map((file) => readFile(file)),
  );
  const server = createServer(
    { cert: cert as Buffer, key: key as Buffer, ca: ca as Buffer, requestCert: true, rejectUnauthorized: true },
    (incoming, response) => {
      try {
        answer(incoming, response, meter);
      } catch (error) {
        if (!response.headersSent) refuse(response, 500, "InternalError", messageOf(error));
      }
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(incoming: IncomingMessage, response: ServerResponse, meter: Measured): void {
  const subject = (incoming.socket as TLSSocket).getPeerCertificate().subject;
  if (subject?.CN !== frontProxy.user) {
    refuse(response, 403, "Forbidden", `only ${frontProxy.user} may ask here`);
    return;
  }
  const url = new URL(incoming.url ?? "/", "https://metrics");
  const [, apis, group, version, ...rest] = url.pathname.split("/").map(decodeURIComponent);
  if (apis !== "apis" || `${group}/${version}` !== groupVersion) {
    refuse(response, 404, "NotFound", "not found");
    return;
  }
  if (incoming.method !== "GET") refuse(response, 405, "MethodNotAllowed", "metrics are only read");
  else if (rest.length === 0) send(response, 200, resourceList);
  else resources(response, rest, url.searchParams, meter);
}

function resources(response: ServerResponse, path: readonly string[], query: URLSearchParams, meter: Measured): void {
  const [namespace, kind, name] = path[0] === "namespaces" ? path.slice(1) : [undefined, ...path];
  const selects = parseSelector(query.get("labelSelector") ?? "");
  const field = /^(?:metadata\.name==?([^,=]+))?$/.exec(query.get("fieldSelector") ?? "");
  if (!selects || !field) {
    refuse(response, 400, "BadRequest", "a selector of labels, or of metadata.name, is not readable");
    return;
  }
  const wanted = name ?? field[1];
  const matches = (each: { readonly name: string; readonly labels: Readonly<Record<string, string>> }) =>
    (wanted === undefined || each.name === wanted) && selects(each.labels);
  const found =
    kind === "pods"
      ? meter.pods
          .filter((pod) => (namespace === undefined || pod.namespace === namespace) && matches(pod))
          .map(podMetrics)
      : kind === "nodes" && namespace === undefined
        ? meter.nodes.filter(matches).map(nodeMetrics)
        : undefined;
  if (!found) refuse(response, 404, "NotFound", "the server could not find the requested resource");
  else if (name === undefined) {
    const list = kind === "pods" ? "PodMetricsList" : "NodeMetricsList";
    send(response, 200, { kind: list, apiVersion: groupVersion, metadata: {}, items: found });
  } else if (found[0]) send(response, 200, found[0]);
  else refuse(response, 404, "NotFound", `${kind} "${name}" was not measured yet`);
}

function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  send(response, code, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code });
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}
