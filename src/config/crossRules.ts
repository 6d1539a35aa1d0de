import { highestVersion, identifierMistake, longNameMistake, serviceNames } from "../domain/generatedNames.ts";
import { buildMistakes } from "./buildRules.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { alternatives, show } from "./fields.ts";
import { migrationMistakes } from "./migrationRules.ts";
import { pipelineMistakes } from "./pipelineRules.ts";
import { builtInPool } from "./pools.ts";
import { releaseMistakes } from "./releaseRules.ts";
import { keyPath } from "./sentences.ts";
import { shadowGateMistakes } from "./shadowGateRules.ts";
import { shadowedModels, shadowMistakes } from "./shadowRules.ts";
import { closest } from "./suggest.ts";

/** Environment variables of the serving containers that Menagerie, truss or KServe set themselves. */
const reservedVariables =
  /^(HASH_TRUSS|PATCH_PING_URL_TRUSS|APP_HOME|PYTHON_EXECUTABLE|CONTROL_SERVER_PORT|INFERENCE_SERVER_PORT|PYTHONDONTWRITEBYTECODE|K_SERVICE|K_REVISION|K_CONFIGURATION|PORT|PYTHONPATH|CUSTOM_SPEC_[A-Z_]+)$/;

/** Phases of a model that no old version is left for. */
const directPhases: readonly string[] = ["off", "version", "done"];

const reservedNamespaces = /^(kube-.*|default|kserve|istio-system|knative-serving|tekton-.*|karpenter)$/;

/** Name in Kubernetes of a zoo model: as in config, with dashes, because Kubernetes knows no underscores. */
export function kubernetesName(model: string): string {
  return model.replaceAll("_", "-");
}

/** Mistakes that no single key shows: references between keys, and names that collide or outgrow Kubernetes. */
export function crossKeyMistakes(environment: Omit<ParsedEnvironment, "databasePassword">): string[] {
  return [
    ...namespaceMistakes(environment),
    ...buildMistakes(environment, reservedNamespaces),
    ...serviceMistakes(environment),
    ...poolMistakes(environment),
    ...nameMistakes(environment),
    ...modelMistakes(environment),
    ...migrationMistakes(environment),
    ...releaseMistakes(environment),
    ...pipelineMistakes(environment),
    ...shadowMistakes(environment, keysOfModels(environment)),
    ...shadowGateMistakes(environment),
  ];
}

function namespaceMistakes({ namespace, dynamicSettings }: ParsedEnvironment): string[] {
  const mistakes: string[] = [];
  if (reservedNamespaces.test(namespace)) {
    mistakes.push(
      `${keyPath(["namespace"])}: ${show(namespace)} belongs to the cluster; use a namespace of its own, such as models`,
    );
  }
  if (!dynamicSettings.createNamespace) return mistakes;
  const at = keyPath(["dynamicSettings", "createNamespace"]);
  if (dynamicSettings.namespace === namespace) {
    mistakes.push(`${at}: "${namespace}" is the models' namespace, which the stack makes anyway; remove the key`);
  } else if (reservedNamespaces.test(dynamicSettings.namespace)) {
    mistakes.push(`${at}: "${dynamicSettings.namespace}" belongs to the cluster and is there; remove the key`);
  }
  return mistakes;
}

function serviceMistakes({
  database,
  postgresCluster,
  services,
  nodeClass,
  namespace,
  mesh,
}: Pick<
  ParsedEnvironment,
  "database" | "postgresCluster" | "services" | "nodeClass" | "namespace" | "mesh"
>): string[] {
  const mistakes: string[] = [];
  if (mesh?.keyCheck && !(database ?? postgresCluster) && nodeClass !== "local") {
    mistakes.push(
      `${keyPath(["mesh", "keyCheck"])}: the gateway asks the API service, which a stack without a database has not; set ${keyPath(["database"])} or ${keyPath(["postgresCluster"])}, or remove the key`,
    );
  }
  if ((database ?? postgresCluster) && !services.image && nodeClass !== "local") {
    const key = database ? "database" : "postgresCluster";
    mistakes.push(
      `${keyPath(["services", "image"])}: missing; give the image of the services as <url>@sha256:<digest>, or remove ${keyPath([key])}`,
    );
  }
  if (database && postgresCluster) {
    mistakes.push(
      `${keyPath(["postgresCluster"])}: the platform's tables are on the server of ${keyPath(["database"])} already; remove one of the two keys`,
    );
  }
  if (postgresCluster && [namespace, services.namespace].includes(postgresCluster.namespace)) {
    mistakes.push(
      `${keyPath(["postgresCluster", "namespace"])}: ${show(postgresCluster.namespace)} has something else in it; use a namespace of its own, such as menagerie-database`,
    );
  }
  const at = keyPath(["services", "namespace"]);
  if (services.namespace === namespace) {
    mistakes.push(`${at}: ${show(namespace)} is the namespace of the models; use one of its own, such as menagerie`);
  } else if (reservedNamespaces.test(services.namespace)) {
    mistakes.push(`${at}: ${show(services.namespace)} belongs to the cluster; use one of its own, such as menagerie`);
  }
  return mistakes;
}

function poolMistakes({ pools, nodeClass }: ParsedEnvironment): string[] {
  const mistakes: string[] = [];
  for (const [name, pool] of Object.entries(pools)) {
    const at = (...rest: PropertyKey[]) => keyPath(["pools", name, ...rest]);
    if (name === builtInPool)
      mistakes.push(`${at()}: "${builtInPool}" is the built-in pool of ordinary nodes; choose another name`);
    if (pool.replicas !== undefined && pool.limits) {
      mistakes.push(
        `${at("limits")}: the pool has a fixed number of nodes by replicas: ${pool.replicas}; remove one of the two`,
      );
    }
    if (nodeClass === "local") {
      if (pool.limits)
        mistakes.push(`${at("limits")}: local nodes do not come and go with demand; use replicas: <nodes>`);
      else if (pool.replicas === undefined)
        mistakes.push(`${at("replicas")}: missing; give the number of local nodes, such as 1`);
      for (const key of ["instanceTypes", "zones"] as const) {
        if (pool[key])
          mistakes.push(
            `${at(key)}: local nodes have none; remove the key, or set ${keyPath(["nodeClass"])} to {kind: ec2, …}`,
          );
      }
    } else {
      if (pool.replicas === undefined && !pool.limits)
        mistakes.push(`${at()}: has no size; give replicas: <nodes>, or limits: {gpus: <GPUs at most>}`);
      if (pool.capacity)
        mistakes.push(`${at("capacity")}: EC2 nodes bring their own; remove the key, or choose instanceTypes`);
      if (pool.limits && pool.limits.gpus < pool.gpu.perNode) {
        mistakes.push(
          `${at("limits", "gpus")}: ${pool.limits.gpus} is less than the ${pool.gpu.perNode} GPUs of one node; use at least ${pool.gpu.perNode}`,
        );
      }
    }
    const keys = new Set<string>();
    for (const [index, taint] of pool.taints.entries()) {
      const key = `${taint.key}:${taint.effect}`;
      if (taint.key === "nvidia.com/gpu")
        mistakes.push(`${at("taints", index)}: nvidia.com/gpu is set on every pool with GPUs; remove the taint`);
      else if (keys.has(key)) mistakes.push(`${at("taints", index)}: ${key} is listed twice; remove one`);
      keys.add(key);
    }
  }
  return mistakes;
}

function nameMistakes({ zoo, development, namespace, serving, state }: ParsedEnvironment): string[] {
  const mistakes: string[] = [];
  const takenBy = new Map<string, string>();
  const named = [
    ...Object.entries(zoo).map(([name, { mode }]) => ["zoo", name, mode, `-v${highestVersion}`] as const),
    ...Object.entries(development).map(([name, { mode }]) => ["development", name, mode, "-dev"] as const),
  ];
  for (const [section, name, mode = serving.mode, suffix] of named) {
    const at = keyPath([section, name]);
    const inKubernetes = kubernetesName(name);
    const other = takenBy.get(inKubernetes);
    if (other) mistakes.push(`${at}: is "${inKubernetes}" in Kubernetes, as is "${other}"; rename one of the two`);
    takenBy.set(inKubernetes, name);
    const tooLong = longNameMistake(name, serviceNames({ namespace, mode }, suffix), {
      key: keyPath(["namespace"]),
      length: namespace.length,
    });
    if (tooLong) mistakes.push(`${at}: ${tooLong}`);
    if (/[_-]copy$/.test(name))
      mistakes.push(
        `${at}: names ending in "${name.slice(-5)}" are for the copies that a rollout makes; choose another name`,
      );
    if (/[_-]v\d+$/.test(name))
      mistakes.push(
        `${at}: names ending in "${/[_-]v\d+$/.exec(name)?.[0]}" are for the versions that a rollout makes; choose another name`,
      );
  }
  for (const name of Object.keys(state?.tables ?? {})) {
    const mistake = identifierMistake(name);
    if (mistake) mistakes.push(`${keyPath(["state", "tables", name])}: ${mistake}`);
  }
  return mistakes;
}

/** Keys of the models that have a route of their own, by their names in Kubernetes. */
function keysOfModels({ zoo, development }: ParsedEnvironment): Map<string, string> {
  return new Map([
    ...Object.keys(zoo).map((name) => [kubernetesName(name), keyPath(["zoo", name])] as const),
    ...Object.keys(development).map((name) => [kubernetesName(name), keyPath(["development", name])] as const),
  ]);
}

function modelMistakes({ zoo, development, shadows, state, pools, serving }: ParsedEnvironment): string[] {
  const mistakes: string[] = [];
  const asked = new Map<string, { gpus: number; models: string[] }>();
  const ask = (pool: string, model: string, gpus: number): void => {
    const sum = asked.get(pool) ?? { gpus: 0, models: [] };
    sum.gpus += gpus;
    sum.models.push(model);
    asked.set(pool, sum);
  };
  for (const [name, model] of Object.entries(zoo)) {
    const at = (...rest: PropertyKey[]) => keyPath(["zoo", name, ...rest]);
    if (model.from === undefined && !directPhases.includes(model.phase)) {
      mistakes.push(
        `${at("from")}: missing; phase ${model.phase} leaves an old version: give its id, as \`menagerie rollout ${name}\` shows it, or use ${alternatives(directPhases)}`,
      );
    }
    mistakes.push(...environmentMistakes(at, model.env));
    if (model.replicas.max !== undefined && model.replicas.max < model.replicas.min) {
      mistakes.push(
        `${at("replicas", "max")}: ${model.replicas.max} is less than min, ${model.replicas.min}; use at least ${model.replicas.min}`,
      );
    }
    const mode = model.mode ?? serving.mode;
    if (model.replicas.min === 0 && mode === "Standard") {
      mistakes.push(
        `${at("replicas", "min")}: 0 needs mode: Knative, because Standard mode does not scale to zero; use at least 1`,
      );
    }
    mistakes.push(...placementMistakes(at, model, pools));
    if (model.state && !state) {
      mistakes.push(`${at("state")}: the stack has no state; declare ${keyPath(["state"])}, or remove the key`);
    }
    if (pools[model.pool] && model.phase !== "off") {
      ask(model.pool, name, (model.resources.gpus ?? 1) * model.replicas.min);
    }
  }
  for (const [name, version] of Object.entries(development)) {
    const at = (...rest: PropertyKey[]) => keyPath(["development", name, ...rest]);
    mistakes.push(...environmentMistakes(at, version.env), ...placementMistakes(at, version, pools));
    const mode = version.mode ?? serving.mode;
    if (mode === "Knative" && version.idleMinutes !== undefined && version.idleMinutes > longestKnativeWindow) {
      mistakes.push(
        `${at("idleMinutes")}: ${version.idleMinutes} is more than Knative's ${longestKnativeWindow}; use at most ${longestKnativeWindow}`,
      );
    }
    if (pools[version.pool] && mode === "Standard") ask(version.pool, name, version.resources.gpus ?? 1);
  }
  for (const { path, service, model, copies } of shadowedModels(shadows)) {
    const at = (...rest: PropertyKey[]) => keyPath([...path, ...rest]);
    mistakes.push(...environmentMistakes(at, model.env), ...placementMistakes(at, model, pools));
    if (pools[model.pool]) ask(model.pool, service, (model.resources.gpus ?? 1) * model.replicas.min * copies);
  }
  for (const [name, pipeline] of Object.entries(state?.pipelines ?? {})) {
    mistakes.push(...placementMistakes((...rest) => keyPath(["state", "pipelines", name, ...rest]), pipeline, pools));
  }
  for (const [name, { gpus, models }] of asked) mistakes.push(...poolTooSmall(name, pools[name], gpus, models));
  return mistakes;
}

/** Longest window of Knative's autoscaler, in minutes (`autoscaling.knative.dev/window`). */
const longestKnativeWindow = 60;

type KeyOf = (...rest: PropertyKey[]) => string;

function environmentMistakes(at: KeyOf, env: Readonly<Record<string, string>>): string[] {
  return Object.keys(env)
    .filter((variable) => reservedVariables.test(variable))
    .map((variable) => `${at("env", variable)}: is set by the platform; choose another name`);
}

function placementMistakes(
  at: KeyOf,
  model: Pick<ParsedEnvironment["zoo"][string], "pool" | "resources">,
  pools: ParsedEnvironment["pools"],
): string[] {
  const pool = pools[model.pool];
  if (!pool) {
    if (model.pool !== builtInPool) return [unknownPool(at("pool"), model.pool, Object.keys(pools))];
    if (!model.resources.gpus) return [];
    return [`${at("resources", "gpus")}: pool ${builtInPool} has no GPUs; name a pool that has, or remove the key`];
  }
  const gpus = model.resources.gpus ?? 1;
  if (gpus <= pool.gpu.perNode) return [];
  return [
    `${at("resources", "gpus")}: a node of pool ${model.pool} has ${pool.gpu.perNode}, so no pod can get ${gpus}; use at most ${pool.gpu.perNode}`,
  ];
}

function unknownPool(at: string, name: string, declared: readonly string[]): string {
  const known = [builtInPool, ...declared];
  const meant = closest(name, known);
  const change = meant
    ? `did you mean ${show(meant)}?`
    : `use ${alternatives(known)}, or declare it under ${keyPath(["pools"])}`;
  return `${at}: no pool is named ${show(name)}; ${change}`;
}

function poolTooSmall(
  name: string,
  pool: ParsedEnvironment["pools"][string] | undefined,
  gpus: number,
  models: readonly string[],
): string[] {
  if (!pool) return [];
  const available = pool.replicas === undefined ? pool.limits?.gpus : pool.replicas * pool.gpu.perNode;
  if (available === undefined || gpus <= available) return [];
  const key = pool.replicas === undefined ? ["limits", "gpus"] : ["replicas"];
  return [
    `${keyPath(["pools", name, ...key])}: the pods that always run here (${models.join(", ")}) need ${gpus} GPUs, and the pool has ${available}; raise it, or move a model to another pool`,
  ];
}
