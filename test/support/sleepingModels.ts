import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { MemoryControl } from "./versionCluster.ts";

const stop = "serving.kserve.io/stop";

/** A model of {@link SleepingModels}. */
export interface SleepingModel {
  readonly name: string;
  /** Of a development version. */
  readonly version?: PatchedVersion | undefined;
  /** Requests that it is answering. */
  inFlight: number;
  /** What it was asked, by what requests call themselves, and the bytes that came with each. */
  readonly asked: Map<string, number>;
  readonly bytes: Map<string, number>;
  /** How often a pod was started, and how often it was told to stop. */
  starts: number;
  stops: number;
  /** Requests that were under way when it was told to stop, or that came while it had no pod, or to one without its patches. */
  readonly wronged: string[];
  /** As long as its pods do not become ready. @default they do */
  broken?: "crashes" | "noRoom" | "noMemory" | undefined;
}

/** A development version whose pods begin with the image's content, and have to be patched to that of the head. */
export interface PatchedVersion {
  readonly id: string;
  readonly imageHash: string;
  readonly headHash: string;
}

/** What a model is. @default a version of the zoo */
interface Kind {
  /** Shadow deployment that it is a model of. */
  readonly deployment?: string | undefined;
  readonly version?: PatchedVersion | undefined;
}

interface Live extends SleepingModel {
  /** Shadow deployment that it is a model of; undefined for a version of the zoo. */
  readonly deployment: string | undefined;
  annotations: Record<string, string>;
  /** Rises with each change. */
  at: number;
  pod: Pod | undefined;
}

interface Pod {
  readonly name: string;
  /** Of a development version, once its container runs. */
  control?: MemoryControl | undefined;
  isReady: boolean;
}

/** How long pods take, in milliseconds. */
export interface PodTimes {
  readonly startMs: () => number;
  readonly endMs: () => number;
}

/**
 * The API server, KServe and the models' Services, by the first part of their hosts' names, in one process: InferenceServices and their pods can be listed, watched and applied, pods
 * come and go as the stop annotation says, and what is answered is counted.
 */
export class SleepingModels {
  readonly #models = new Map<string, Live>();
  readonly #server: Server;
  readonly #watches = new Set<{ readonly kind: "services" | "pods"; readonly response: ServerResponse }>();
  readonly #times: PodTimes;
  /** How long the API server takes to apply, in milliseconds. */
  applyMs = () => 0;
  /** How long it takes until a watch begins: what happened since its list is told then. In milliseconds. */
  watchMs = () => 0;
  /** Called when somebody has read an InferenceService, before the answer goes out. */
  onRead: (name: string) => Promise<void> = async () => {};
  #version = 1;
  /** What watches are told, in order. */
  readonly #events: { readonly at: number; readonly kind: "services" | "pods"; readonly line: string }[] = [];
  /** Containers that were started one after the other are told apart by their times. */
  #started = 0;

  constructor(times: PodTimes) {
    this.#times = times;
    this.#server = createServer({ keepAliveTimeout: 0 }, (request, response) => void this.#handle(request, response));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Deploys a model that sleeps after `idleMinutes`, or never, with a pod that is ready. */
  deploy(name: string, idleMinutes: number | undefined, { deployment, version }: Kind = {}): SleepingModel {
    const pod: Pod = { name: `${name}-0`, isReady: true };
    if (version) {
      pod.control = this.#controlOf(pod.name, version.headHash);
      pod.control.isStarted = true;
    }
    const model: Live = {
      name,
      version,
      deployment,
      inFlight: 0,
      asked: new Map(),
      bytes: new Map(),
      starts: 0,
      stops: 0,
      wronged: [],
      annotations: idleMinutes === undefined ? {} : { "menagerie.dev/idle-minutes": String(idleMinutes) },
      at: 0,
      pod,
    };
    this.#models.set(name, model);
    this.#tell(model, "services", "ADDED");
    this.#tell(model, "pods", "ADDED");
    return model;
  }

  isStopped(name: string): boolean {
    return this.#models.get(name)?.annotations[stop] === "true";
  }

  /** How a model stands, for a sentence about what went wrong with it. */
  standing(name: string): string {
    const { annotations, pod } = this.#models.get(name) ?? {};
    return JSON.stringify({ annotations, pod });
  }

  /** Puts the annotation as somebody does by hand. */
  setStopped(name: string, isStopped: boolean): void {
    const model = this.#models.get(name);
    if (model) this.#apply(model, { [stop]: String(isStopped) });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://cluster");
    const kind = url.pathname.includes("/inferenceservices") ? "services" : "pods";
    const [, name = ""] = /\/inferenceservices\/([^/]+)$/.exec(url.pathname) ?? [];
    if (url.pathname.startsWith("/control/")) return this.#control(url.pathname, request, response);
    if (!url.pathname.startsWith("/api")) return this.#predict(request, response);
    if (url.searchParams.has("watch")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      await delay(this.watchMs());
      const watch = { kind, response } as const;
      this.#watches.add(watch);
      response.once("close", () => this.#watches.delete(watch));
      const from = Number(url.searchParams.get("resourceVersion"));
      for (const event of this.#events) if (event.kind === kind && event.at > from) response.write(event.line);
      return;
    }
    const [, pod = ""] = /\/pods\/([^/]+)$/.exec(url.pathname) ?? [];
    if (request.method === "DELETE" && pod !== "") return void response.end(JSON.stringify(this.#deletePod(pod)));
    const model = this.#models.get(name);
    if (request.method === "PATCH" && model) {
      const { metadata } = (await bodyOf(request)) as { metadata: { annotations: Record<string, string> } };
      await delay(this.applyMs());
      this.#apply(model, metadata.annotations);
    }
    if (name !== "") {
      if (request.method === "GET") await this.onRead(name);
      response.writeHead(model ? 200 : 404).end(JSON.stringify(model ? service(model) : {}));
      return;
    }
    const items = [...this.#models.values()].flatMap((each): object[] =>
      kind === "services" ? [service(each)] : podsOf(each),
    );
    response.end(JSON.stringify({ metadata: { resourceVersion: String(this.#version) }, items }));
  }

  #apply(model: Live, annotations: Record<string, string>): void {
    const wasStopped = this.isStopped(model.name);
    model.annotations = { ...model.annotations, ...annotations };
    const isStopped = this.isStopped(model.name);
    this.#tell(model, "services", "MODIFIED");
    if (wasStopped === isStopped) return;
    if (isStopped) {
      model.stops += 1;
      if (model.inFlight > 0) model.wronged.push(`${model.inFlight} were under way when it was stopped`);
    }
    void this.#reconcile(model);
  }

  /** What KServe and the node do: as the annotation says by then. */
  async #reconcile(model: Live): Promise<void> {
    await delay(this.#times.endMs());
    const isStopped = this.isStopped(model.name);
    if (isStopped && model.pod) {
      const { name } = model.pod;
      model.pod = undefined;
      this.#gone(model, name);
    }
    if (isStopped || model.pod) return;
    model.starts += 1;
    const pod: Pod = { name: `${model.name}-${model.starts}`, isReady: false };
    model.pod = pod;
    this.#tell(model, "pods", "ADDED");
    while (model.broken && model.pod === pod) await delay(20, undefined, { ref: false });
    await delay(this.#times.startMs());
    if (model.pod !== pod) return;
    // The control server of a development version waits for its patches.
    if (model.version) pod.control = this.#controlOf(pod.name, model.version.imageHash);
    else pod.isReady = true;
    this.#tell(model, "pods", "MODIFIED");
  }

  /** Its ReplicaSet makes another one. */
  #deletePod(name: string): object {
    const model = [...this.#models.values()].find(({ pod }) => pod?.name === name);
    if (!model) return {};
    model.pod = undefined;
    this.#gone(model, name);
    void this.#reconcile(model);
    return {};
  }

  #controlOf(pod: string, hash: string): MemoryControl {
    this.#started += 1;
    return new MemoryControl(pod, Date.now() + this.#started, hash);
  }

  /** `/control/<pod>/<method>`: what a control server is asked. */
  async #control(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , name = "", method = ""] = path.split("/");
    const model = [...this.#models.values()].find(({ pod }) => pod?.name === name);
    const { pod, version } = model ?? {};
    const asked = (await bodyOf(request)) as unknown[];
    const ask = pod?.control?.[method as "patch"];
    if (!model || !pod?.control || !ask) return void request.socket.destroy();
    response.end(JSON.stringify(await ask(...(asked as Parameters<MemoryControl["patch"]>))));
    if (pod.isReady || !pod.control.isStarted || pod.control.hash !== version?.headHash) return;
    await delay(this.#times.startMs());
    if (model.pod !== pod) return;
    pod.isReady = true;
    this.#tell(model, "pods", "MODIFIED");
  }

  async #predict(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // As Services and pods are called: a development version's pod is asked itself.
    const [host = ""] = (request.headers.host ?? "").split(/[.:]/);
    const model = this.#models.get(host) ?? this.#models.get(host.replace(/-\d+$/, ""));
    const ask = String(request.headers["x-ask"]);
    const isProbe = request.url?.endsWith("/loaded") ?? false;
    if (!model || !answers(model, host)) {
      if (!isProbe) model?.wronged.push(`${ask} came while it had no pod`);
      request.socket.destroy();
      return;
    }
    if (isProbe) return void response.end("{}");
    if (model.version && model.pod?.control?.hash !== model.version.headHash)
      model.wronged.push(`${ask} came before its patches`);
    model.asked.set(ask, (model.asked.get(ask) ?? 0) + 1);
    model.inFlight += 1;
    response.once("close", () => {
      model.inFlight -= 1;
    });
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    model.bytes.set(ask, bytes);
    const [, ms = "0"] = /^stream (\d+)/.exec(ask) ?? [];
    if (ms !== "0") response.write("begun ");
    await delay(Number(ms) || Math.random() * 3);
    response.end(`${model.name} ${ask} ${String(request.headers["x-menagerie-version"])}`);
  }

  #tell(model: Live, kind: "services" | "pods", type: string): void {
    this.#version += 1;
    model.at = this.#version;
    for (const object of kind === "services" ? [service(model)] : podsOf(model)) this.#send(kind, { type, object });
  }

  #gone(model: Live, name: string): void {
    this.#version += 1;
    this.#send("pods", { type: "DELETED", object: podObject(model, { name, isReady: false }, this.#version) });
  }

  #send(kind: "services" | "pods", event: { readonly type: string; readonly object: object }): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#events.push({ at: this.#version, kind, line });
    for (const watch of this.#watches) if (watch.kind === kind) watch.response.write(line);
  }
}

/** The pod of a development version answers before the kubelet has seen it. */
function answers({ name, pod, version }: Live, host: string): boolean {
  return version ? pod?.name === host && pod.control?.isStarted === true : host === name && pod?.isReady === true;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(String(Buffer.concat(chunks)));
}

function service({ name, annotations, version, deployment, at }: Live) {
  const kind = version
    ? { "menagerie.dev/kind": "development", "menagerie.dev/version-id": version.id }
    : { "menagerie.dev/kind": deployment === undefined ? "zoo" : "shadow" };
  const metadata = {
    name,
    namespace: "models",
    uid: name,
    resourceVersion: String(at),
    creationTimestamp: new Date(0).toISOString(),
    labels: { ...kind, "menagerie.dev/model": deployment ?? name },
    annotations,
  };
  return { metadata, spec: { predictor: { nodeSelector: { "menagerie.dev/pool": "t4" } } } };
}

function podsOf(model: Live) {
  return model.pod ? [podObject(model, model.pod, model.at)] : [];
}

function podObject(model: Live, { name, isReady, control }: Pod, at: number) {
  const container = { name: "kserve-container", containerID: name };
  const crash = {
    ...container,
    restartCount: 3,
    ready: false,
    state: { waiting: { reason: "CrashLoopBackOff" } },
  };
  const runs = {
    ...container,
    restartCount: 0,
    ready: isReady,
    state: { running: { startedAt: new Date(control?.startedAt ?? 0).toISOString() } },
  };
  const lacking = model.broken === "noRoom" ? "nvidia.com/gpu" : model.broken === "noMemory" ? "memory" : undefined;
  const scheduled =
    lacking === undefined
      ? []
      : [{ type: "PodScheduled", status: "False", message: `0/1 nodes are available: 1 Insufficient ${lacking}.` }];
  return {
    metadata: {
      name,
      namespace: "models",
      resourceVersion: String(at),
      labels: { "serving.kserve.io/inferenceservice": model.name, component: "predictor" },
    },
    spec: { containers: [{ name: "kserve-container", env: [] }] },
    status: {
      phase: "Running",
      // Connections are led here by name.
      podIP: name,
      conditions: [...scheduled, { type: "Ready", status: isReady ? "True" : "False" }],
      containerStatuses: model.broken === "crashes" ? [crash] : control ? [runs] : [],
    },
  };
}
