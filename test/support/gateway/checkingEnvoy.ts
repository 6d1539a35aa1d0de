import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { silent } from "../../../src/domain/progress.ts";
import { queryKeysManifest } from "../../../src/domain/serving/keyCheck.ts";
import { type DividedRoute, renderTraffic } from "../../../src/domain/serving/trafficRoute.ts";
import type { RolloutTraffic } from "../../../src/domain/zoo/traffic.ts";
import { askEnvoy } from "../../../src/local/mesh/envoyAdmin.ts";
import { ensureEnvoy } from "../../../src/local/toolchain/envoy.ts";
import { freePort } from "../freePort.ts";

/** What a backend saw. */
export interface Reached {
  readonly status: number;
  /** Host of the destination, without its domain: `batches.menagerie`. */
  readonly destination: string;
  readonly headers: IncomingHttpHeaders;
}

/** A real Envoy with a stack's filters around an external authorization, as istiod puts them, and with a rollout's rules. */
export interface CheckingEnvoy {
  ask(headers: OutgoingHttpHeaders): Promise<Reached>;
  stop(): Promise<void>;
}

const filters = "type.googleapis.com/envoy.extensions.filters";
/** What the check's answer has Envoy remove from requests without this key. */
export const batchKey = "may-batch";

/** @param removed - headers that the check's answer removes from requests that have not {@link batchKey} */
export async function startCheckingEnvoy(
  row: RolloutTraffic,
  route: DividedRoute,
  removed: readonly string[],
): Promise<CheckingEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-envoy-"));
  const cache = process.env.MENAGERIE_CACHE ?? join(homedir(), ".cache/menagerie");
  const executable = await ensureEnvoy({ cache, progress: silent, signal: AbortSignal.timeout(300_000) });
  const check = await listening((incoming, response) => {
    const kept = incoming.headers["x-api-key"] === batchKey;
    response.writeHead(200, kept ? {} : { "x-envoy-auth-headers-to-remove": removed.join(",") }).end();
  });
  const backend = await listening((incoming, response) => {
    response.end(JSON.stringify(incoming.headers));
  });
  const [port, admin] = [await freePort(), join(folder, "admin.sock")];
  const { spec } = renderTraffic(row, route);
  if (!("http" in spec)) throw new Error("no VirtualService");
  const rules = spec.http as readonly Rule[];
  const hosts = [...new Set(rules.flatMap((rule) => rule.route.map(({ destination }) => destination.host)))];
  const patches = queryKeysManifest({
    gatewayNamespace: "istio-system",
    gateway: { pods: {} },
    namespace: route.namespace,
    provider: "menagerie-keys",
  }).spec.configPatches.flatMap(({ applyTo, patch }) => (applyTo === "HTTP_FILTER" ? [patch] : []));
  const own = (operation: string) => patches.filter((patch) => patch.operation === operation).map(({ value }) => value);
  const bootstrap = {
    node: { id: "router", cluster: "gateway" },
    admin: { address: { pipe: { path: admin } } },
    static_resources: {
      clusters: [...hosts.map((host) => cluster(host, portOf(backend))), cluster("check", portOf(check))],
      listeners: [
        {
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typed_config: {
                    "@type": `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: "gateway",
                    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: rules.map(routed) }] },
                    http_filters: [
                      ...own("INSERT_FIRST"),
                      authorization,
                      ...own("INSERT_BEFORE"),
                      {
                        name: "envoy.filters.http.router",
                        typed_config: { "@type": `${filters}.http.router.v3.Router` },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
  const config = join(folder, "envoy.json");
  await writeFile(config, JSON.stringify(bootstrap));
  const options = ["--disable-hot-restart", "--log-level", "error", "--concurrency", "1"];
  const envoy = spawn(executable, ["--config-path", config, ...options], { stdio: "inherit" });
  await ready(envoy, admin);
  return {
    async ask(headers) {
      const path = `/serving/${route.namespace}/${route.name}/v1/models/model:predict`;
      const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", headers });
      outgoing.end("{}");
      const [response] = await once(outgoing, "response");
      const status = response.statusCode ?? 0;
      const body = await text(response);
      const seen = status === 200 ? (JSON.parse(body) as IncomingHttpHeaders) : {};
      return { status, destination: String(seen["x-destination"]), headers: seen };
    },
    async stop() {
      const ended = once(envoy, "exit");
      envoy.kill("SIGKILL");
      await ended;
      for (const server of [check, backend]) server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Rule {
  readonly name: string;
  readonly match?: readonly { readonly headers: Readonly<Record<string, { readonly regex: string }>> }[];
  readonly route: readonly {
    readonly destination: { readonly host: string };
    readonly weight?: number;
    readonly headers?: {
      readonly request?: { readonly set?: Readonly<Record<string, string>> };
      readonly response?: { readonly add?: Readonly<Record<string, string>> };
    };
  }[];
}

/** As istiod makes it of the delegate's rule. Backends are told which one they are. */
function routed({ match = [], route }: Rule) {
  const matched = match.flatMap(({ headers }) =>
    Object.entries(headers).map(([name, { regex }]) => ({ name, string_match: { safe_regex: { regex } } })),
  );
  const added = (headers: Readonly<Record<string, string>> = {}) =>
    Object.entries(headers).map(([key, value]) => ({
      header: { key, value },
      append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
    }));
  return {
    match: { prefix: "/", ...(matched.length > 0 ? { headers: matched } : {}) },
    route: {
      weighted_clusters: {
        clusters: route.map(({ destination: { host }, weight = 1, headers }) => ({
          name: host,
          weight,
          request_headers_to_add: added({ ...headers?.request?.set, "x-destination": host.split(".svc.")[0] ?? "" }),
          response_headers_to_add: added(headers?.response?.add),
        })),
      },
    },
  };
}

/** As istiod makes it of the provider in docs/operations.md. */
const authorization = {
  name: "envoy.filters.http.ext_authz",
  typed_config: {
    "@type": `${filters}.http.ext_authz.v3.ExtAuthz`,
    transport_api_version: "V3",
    http_service: {
      server_uri: { uri: "http://check", cluster: "check", timeout: "5s" },
      path_prefix: "/authorize",
      authorization_request: { allowed_headers: { patterns: [{ exact: "x-api-key" }] } },
    },
  },
};

function cluster(name: string, port: number) {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}

async function listening(answer: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function ready(envoy: ChildProcess, admin: string): Promise<void> {
  for (let tries = 0; tries < 2_400 && envoy.exitCode === null; tries += 1) {
    const answer = await askEnvoy(admin, "/ready").catch(() => undefined);
    if (answer?.status === 200) return;
    await delay(50);
  }
  throw new Error("Envoy does not start");
}
