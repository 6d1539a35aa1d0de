import type { KubeConfig } from "@kubernetes/client-node";
import type { PipelineRunSpec } from "../../crds/pipelineRun.ts";
import { partName } from "../../domain/builds/contextArchive.ts";
import {
  attemptOf,
  type BuildRequest,
  type BuildRuns,
  buildKey,
  buildLabels,
  cancelPatch,
  contextSecret,
  contextSecretsOf,
  type ObservedRun,
  type ObservedTaskRun,
  pipelineRunManifest,
  startPatch,
} from "../../domain/builds/pipelineRun.ts";
import { isApiError, request } from "../kubernetes/request.ts";
import { refuse } from "./refusals.ts";

interface List<T> {
  readonly items: readonly T[];
}

/** How long to wait for the answer to a start request after the build was given up, in milliseconds. */
const startGrace = 4_000;
const mergePatch = "application/merge-patch+json";

/** PipelineRuns of one namespace, through the API server. */
export class PipelineRuns {
  readonly #config: KubeConfig;
  readonly #namespace: string;

  constructor(config: KubeConfig, namespace: string) {
    this.#config = config;
    this.#namespace = namespace;
  }

  /** Attempts to build this content, newest first. */
  async attempts(name: string, hash: string, signal: AbortSignal): Promise<ObservedRun[]> {
    const runs = await this.#list(`${buildLabels.build}=${buildKey(name, hash)}`, signal);
    return runs.sort((a, b) => attemptOf(b.metadata.name) - attemptOf(a.metadata.name));
  }

  /** Every run for one image. */
  ofImage(name: string, signal: AbortSignal): Promise<ObservedRun[]> {
    return this.#list(`${buildLabels.image}=${name}`, signal);
  }

  async #list(labelSelector: string, signal: AbortSignal): Promise<ObservedRun[]> {
    const { items } = await this.#ask<List<ObservedRun>>("GET", this.#path("pipelineruns"), {
      query: { labelSelector },
      signal,
    });
    return [...items];
  }

  /** Makes the run of one attempt, pending; answers the one that is there already when two make it at once. */
  async create(runs: BuildRuns, build: BuildRequest, attempt: number, signal: AbortSignal): Promise<ObservedRun> {
    const manifest = pipelineRunManifest(runs, build, attempt);
    const spec: PipelineRunSpec = manifest.spec;
    const body = { ...manifest, spec };
    try {
      return await this.#ask<ObservedRun>("POST", this.#path("pipelineruns"), { body, signal });
    } catch (error) {
      if (!isApiError(error, 409)) throw error;
      return this.#ask<ObservedRun>("GET", this.#path("pipelineruns", body.metadata.name), { signal });
    }
  }

  /**
   * Gives a pending run its context and starts it. What an interrupted call left is completed. If `signal` aborts
   * while the start request is under way, its answer is still awaited for a few seconds: only a run known to have started is cancelled.
   */
  async start(run: ObservedRun, parts: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { metadata } = run;
    const owner = { name: metadata.name, namespace: this.#namespace, uid: metadata.uid };
    for (const [index, name] of contextSecretsOf(run).entries()) {
      const data = Buffer.from(parts[index] ?? []).toString("base64");
      const body = contextSecret(owner, { name, file: partName(index), data });
      // The same content, by another that started the run, or by this one before it was cut off.
      await this.#send("POST", this.#secret(), { body, signal }).catch(ignoreCode(409));
    }
    signal.throwIfAborted();
    await this.#patch(metadata.name, startPatch, delayed(signal, startGrace));
  }

  get(name: string, signal: AbortSignal): Promise<ObservedRun> {
    return this.#ask<ObservedRun>("GET", this.#path("pipelineruns", name), { signal });
  }

  async taskRuns(name: string, signal: AbortSignal): Promise<readonly ObservedTaskRun[]> {
    const query = { labelSelector: `tekton.dev/pipelineRun=${name}` };
    return (await this.#ask<List<ObservedTaskRun>>("GET", this.#path("taskruns"), { query, signal })).items;
  }

  cancel(name: string, signal: AbortSignal): Promise<void> {
    return this.#patch(name, cancelPatch, signal);
  }

  /** Takes a finished run's context away; the run stays as the record of the build. */
  async dropContext(run: ObservedRun, signal: AbortSignal): Promise<void> {
    for (const name of contextSecretsOf(run)) {
      await this.#send("DELETE", this.#secret(name), { signal }).catch(ignoreCode(404));
    }
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    await this.#send("DELETE", this.#path("pipelineruns", name), { body, signal }).catch(ignoreCode(404));
  }

  async #patch(name: string, body: object, signal: AbortSignal): Promise<void> {
    await this.#send("PATCH", this.#path("pipelineruns", name), { body, contentType: mergePatch, signal });
  }

  #secret(name?: string): string {
    const path = `/api/v1/namespaces/${this.#namespace}/secrets`;
    return name === undefined ? path : `${path}/${name}`;
  }

  #path(resource: string, name?: string): string {
    const path = `/apis/tekton.dev/v1/namespaces/${this.#namespace}/${resource}`;
    return name === undefined ? path : `${path}/${name}`;
  }

  async #ask<T>(method: "GET" | "POST", path: string, options: Options): Promise<T> {
    return (await (await this.#send(method, path, options)).json()) as T;
  }

  async #send(method: Parameters<typeof request>[1], path: string, options: Options) {
    try {
      return await request(this.#config, method, path, options);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** What whoever builds can do about it; other errors as they are. */
  #explained(error: unknown): unknown {
    if (isApiError(error, 401)) {
      return refuse("build.credentials", { namespace: this.#namespace, reason: error.message }, error);
    }
    if (isApiError(error, 403)) {
      // Quotas and admission refuse by 403 too, and no Role helps against those.
      const bind = / cannot \w+ resource /.test(error.message)
        ? '; bind Role "truss-builder" of that namespace to the user of this kubeconfig'
        : "";
      return refuse("build.not-allowed", { namespace: this.#namespace, reason: error.message, bind }, error);
    }
    // What the API server says of a kind that it does not know is not a Status.
    if (isApiError(error, 404) && error.reason === "") {
      return refuse("build.no-tekton", undefined, error);
    }
    return error;
  }
}

type Options = NonNullable<Parameters<typeof request>[3]>;

function ignoreCode(code: number) {
  return (error: unknown): void => {
    if (!isApiError(error, code)) throw error;
  };
}

/** Aborts `ms` after `signal` does. */
function delayed(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController();
  const abort = () => setTimeout(() => later.abort(signal.reason), ms).unref();
  signal.addEventListener("abort", abort, { once: true });
  return later.signal;
}
