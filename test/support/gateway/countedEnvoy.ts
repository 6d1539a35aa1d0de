import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { type EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect, constants } from "node:http2";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { silent } from "../../../src/domain/progress.ts";
import type { StatsMatcher } from "../../../src/domain/traffic/statistics.ts";
import { askEnvoy } from "../../../src/local/mesh/envoyAdmin.ts";
import { endsLogger, statisticsConfig } from "../../../src/local/mesh/statistics.ts";
import { ensureEnvoy } from "../../../src/local/toolchain/envoy.ts";
import { freePort } from "../freePort.ts";
import { startMisbehavingModel } from "../misbehavingModel.ts";

/** A real Envoy with the clusters that Istio makes of some Services, and a model behind one of them. */
export interface CountedEnvoy {
  /** Of its statistics. */
  readonly url: string;
  /**
   * Asks for `/<service>/<what the model is to do>`; answers the status, undefined where there was none. The route takes as long as the
   * model does, but 4 s below `late/`. A client that leaves does so that long after its answer began, or, where it asks for one that
   * never begins (`hang`), after its request reached the model.
   */
  ask(service: string, what: string, leaves?: Leaving): Promise<number | undefined>;
  /** Asks as an HTTP/2 client, which cancels its stream then, and keeps its connection until then; answers the status as above. */
  askByHttp2(service: string, what: string, leaves: Leaving): Promise<number | undefined>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds, or what the client waits for. */
export type Leaving = number | Promise<unknown>;

/** Services whose pods answer, that have none, and whose pods accept no connections. */
export const services = { ready: "iris-v1", none: "iris-v2", refusing: "iris-v3" } as const;

/** The retries that Istio gives a route that says nothing of them. */
const retries = { retry_on: "connect-failure,refused-stream,unavailable,cancelled", num_retries: 2 };

/**
 * @param matcher - statistics that it keeps besides Istio's few
 * @param tellsEnds - whether it counts requests when they are over, as Istio's proxies do unless a Telemetry says otherwise
 */
export async function startCountedEnvoy(matcher: StatsMatcher, { tellsEnds = true } = {}): Promise<CountedEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-envoy-"));
  const cache = process.env.MENAGERIE_CACHE ?? join(homedir(), ".cache/menagerie");
  const executable = await ensureEnvoy({ cache, progress: silent, signal: AbortSignal.timeout(300_000) });
  const model = await startMisbehavingModel(({ url }) => url?.split("/").at(-1) ?? "");
  const ports = { listen: await freePort(), statistics: await freePort(), refusing: await freePort() };
  const admin = join(folder, "admin.sock");
  const config = join(folder, "envoy.json");
  const clusters = [
    cluster(services.ready, [model.port]),
    cluster(services.none, []),
    cluster(services.refusing, [ports.refusing]),
    { name: "statistics", type: "STATIC", load_assignment: assignment("statistics", [{ pipe: { path: admin } }]) },
  ];
  const routes = Object.values(services).flatMap((service) =>
    (
      [
        ["/late/", "4s"],
        ["/", "0s"],
      ] as const
    ).map(([end, timeout]) => ({
      match: { prefix: `/${service}${end}` },
      route: { cluster: clusterName(service), timeout, retry_policy: retries },
    })),
  );
  const bootstrap = {
    node: { id: "router", cluster: "gateway" },
    stats_config: statisticsConfig(matcher),
    admin: { address: { pipe: { path: admin } } },
    static_resources: {
      clusters,
      listeners: [
        listener("outbound_0.0.0.0_80;", ports.listen, routes, tellsEnds ? [endsLogger] : []),
        listener(
          "stats",
          ports.statistics,
          [{ match: { prefix: "/stats/prometheus" }, route: { cluster: "statistics" } }],
          [],
        ),
      ],
    },
  };
  await writeFile(config, JSON.stringify(bootstrap));
  let running: ChildProcess | undefined;
  const leaving = async (what: string, id: string, call: EventEmitter, leaves: Leaving): Promise<void> => {
    await model.underWay(what, id, call);
    await (typeof leaves === "number" ? delay(leaves) : leaves);
  };

  const envoy: CountedEnvoy = {
    url: `http://127.0.0.1:${ports.statistics}/stats/prometheus`,
    ask: (service, what, leaves) =>
      new Promise((resolve) => {
        let status: number | undefined;
        const id = randomUUID();
        const path = `/${service}/${what}`;
        const call = request(
          { port: ports.listen, host: "127.0.0.1", path, headers: { "x-request": id } },
          (response) => {
            status = response.statusCode;
            response.resume();
            response.once("close", () => resolve(status));
          },
        );
        call.once("error", () => resolve(status));
        call.end();
        if (leaves !== undefined) void leaving(what, id, call, leaves).then(() => call.destroy());
      }),
    askByHttp2: (service, what, leaves) =>
      new Promise((resolve) => {
        let status: number | undefined;
        const session = connect(`http://127.0.0.1:${ports.listen}`);
        const id = randomUUID();
        const call = session.request({ ":path": `/${service}/${what}`, "x-request": id });
        call.once("response", (headers) => {
          status = headers[":status"];
        });
        call.once("error", () => {});
        call.once("close", () => session.close(() => resolve(status)));
        call.resume();
        void leaving(what, id, call, leaves).then(() => call.close(constants.NGHTTP2_CANCEL));
      }),
    async start() {
      const options = ["--disable-hot-restart", "--log-level", "error", "--concurrency", "2"];
      running = spawn(executable, ["--config-path", config, ...options], { stdio: "inherit" });
      for (let tries = 0; tries < 2_400; tries += 1) {
        const ready = await askEnvoy(admin, "/ready").catch(() => undefined);
        if (ready?.status === 200) return;
        await delay(50);
      }
      throw new Error("Envoy does not start");
    },
    async kill() {
      const ended = running && once(running, "exit");
      running?.kill("SIGKILL");
      await ended;
    },
    async stop() {
      await envoy.kill();
      model.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await envoy.start();
  return envoy;
}

/** As Istio names it, with the prefix that its statistics have. */
function clusterName(service: string): string {
  return `outbound|80||${service}-predictor.models.svc.cluster.local`;
}

function cluster(service: string, ports: readonly number[]) {
  const name = clusterName(service);
  const addresses = ports.map((port) => ({ socket_address: { address: "127.0.0.1", port_value: port } }));
  return {
    name,
    alt_stat_name: `${name};`,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: assignment(name, addresses),
  };
}

function assignment(name: string, addresses: readonly object[]) {
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: addresses.map((address) => ({ endpoint: { address } })) }],
  };
}

function listener(prefix: string, port: number, routes: readonly object[], accessLogs: readonly object[]) {
  const filters = "type.googleapis.com/envoy.extensions.filters";
  return {
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: prefix,
              access_log: accessLogs,
              route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
              http_filters: [
                { name: "envoy.filters.http.router", typed_config: { "@type": `${filters}.http.router.v3.Router` } },
              ],
            },
          },
        ],
      },
    ],
  };
}
