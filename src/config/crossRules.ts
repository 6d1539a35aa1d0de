import { poolNodes } from "../domain/capacity/poolNodes.ts";
import { highestVersion, identifierMistake, longNameMistake, serviceNames } from "../domain/generatedNames.ts";
import { halvesOf, type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { buildMistakes } from "./buildRules.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { alternatives, show } from "./fields.ts";
import { gatewayMistakes } from "./gatewayRules.ts";
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
export function crossKeyMistakes(environment: Omit<ParsedEnvironment, "databasePassword">): Refusal[] {
  return [
    ...namespaceMistakes(environment),
    ...buildMistakes(environment, reservedNamespaces),
    ...serviceMistakes(environment),
    ...gatewayMistakes(environment),
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

function namespaceMistakes({ namespace, dynamicSettings }: ParsedEnvironment): Refusal[] {
  const mistakes: Refusal[] = [];
  if (reservedNamespaces.test(namespace)) {
    const change = "use a namespace of its own, such as models";
    mistakes.push(
      refusal("namespace.reserved", keyPath(["namespace"]), { namespace: show(namespace), there: "", change }),
    );
  }
  if (!dynamicSettings.createNamespace) return mistakes;
  const at = keyPath(["dynamicSettings", "createNamespace"]);
  if (dynamicSettings.namespace === namespace) {
    const holds = "is the models' namespace, which the stack makes anyway";
    mistakes.push(refusal("namespace.shared", at, { namespace: `"${namespace}"`, holds, change: "remove the key" }));
  } else if (reservedNamespaces.test(dynamicSettings.namespace)) {
    const named = { namespace: `"${dynamicSettings.namespace}"`, there: " and is there" };
    mistakes.push(refusal("namespace.reserved", at, { ...named, change: "remove the key" }));
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
>): Refusal[] {
  const mistakes: Refusal[] = [];
  if (mesh?.keyCheck && !(database ?? postgresCluster) && nodeClass !== "local") {
    mistakes.push(
      refusal("mesh.key-check-without-api", keyPath(["mesh", "keyCheck"]), {
        database: keyPath(["database"]),
        postgresCluster: keyPath(["postgresCluster"]),
      }),
    );
  }
  if ((database ?? postgresCluster) && !services.image && nodeClass !== "local") {
    const key = database ? "database" : "postgresCluster";
    mistakes.push(refusal("services.image-missing", keyPath(["services", "image"]), { database: keyPath([key]) }));
  }
  if (database && postgresCluster) {
    mistakes.push(refusal("database.two", keyPath(["postgresCluster"]), { database: keyPath(["database"]) }));
  }
  if (postgresCluster && [namespace, services.namespace].includes(postgresCluster.namespace)) {
    mistakes.push(
      refusal("namespace.shared", keyPath(["postgresCluster", "namespace"]), {
        namespace: show(postgresCluster.namespace),
        holds: "has something else in it",
        change: "use a namespace of its own, such as menagerie-database",
      }),
    );
  }
  const at = keyPath(["services", "namespace"]);
  const change = "use one of its own, such as menagerie";
  const named = { namespace: show(services.namespace), change };
  if (services.namespace === namespace) {
    mistakes.push(refusal("namespace.shared", at, { ...named, holds: "is the namespace of the models" }));
  } else if (reservedNamespaces.test(services.namespace)) {
    mistakes.push(refusal("namespace.reserved", at, { ...named, there: "" }));
  }
  return mistakes;
}

function poolMistakes({ pools, nodeClass }: ParsedEnvironment): Refusal[] {
  const mistakes: Refusal[] = [];
  for (const [name, pool] of Object.entries(pools)) {
    const at = (...rest: PropertyKey[]) => keyPath(["pools", name, ...rest]);
    if (name === builtInPool) mistakes.push(refusal("pool.built-in-name", at(), { name }));
    if (pool.replicas !== undefined && pool.limits) {
      mistakes.push(refusal("pool.two-sizes", at("limits"), { replicas: pool.replicas }));
    }
    if (nodeClass === "local") {
      if (pool.limits) mistakes.push(refusal("pool.local-limits", at("limits")));
      else if (pool.replicas === undefined) mistakes.push(refusal("pool.local-replicas", at("replicas")));
      for (const key of ["instanceTypes", "zones"] as const) {
        if (pool[key]) {
          mistakes.push(refusal("pool.local-placement", at(key), { nodeClass: keyPath(["nodeClass"]) }));
        }
      }
    } else {
      if (pool.replicas === undefined && !pool.limits) mistakes.push(refusal("pool.no-size", at()));
      if (pool.capacity) mistakes.push(refusal("pool.capacity", at("capacity")));
      if (pool.limits && pool.limits.gpus < pool.gpu.perNode) {
        mistakes.push(
          refusal("pool.limit-below-node", at("limits", "gpus"), {
            limit: pool.limits.gpus,
            perNode: pool.gpu.perNode,
          }),
        );
      }
    }
    const keys = new Set<string>();
    for (const [index, taint] of pool.taints.entries()) {
      const key = `${taint.key}:${taint.effect}`;
      if (taint.key === "nvidia.com/gpu") mistakes.push(refusal("pool.gpu-taint", at("taints", index)));
      else if (keys.has(key)) mistakes.push(refusal("pool.taint-twice", at("taints", index), { taint: key }));
      keys.add(key);
    }
  }
  return mistakes;
}

function nameMistakes({ zoo, development, namespace, serving, state }: ParsedEnvironment): Refusal[] {
  const mistakes: Refusal[] = [];
  const takenBy = new Map<string, string>();
  const named = [
    ...Object.entries(zoo).map(([name, { mode }]) => ["zoo", name, mode, `-v${highestVersion}`] as const),
    ...Object.entries(development).map(([name, { mode }]) => ["development", name, mode, "-dev"] as const),
  ];
  for (const [section, name, mode = serving.mode, suffix] of named) {
    const at = keyPath([section, name]);
    const inKubernetes = kubernetesName(name);
    const other = takenBy.get(inKubernetes);
    if (other) mistakes.push(refusal("name.taken", at, { name: inKubernetes, other: `"${other}"` }));
    takenBy.set(inKubernetes, name);
    const tooLong = longNameMistake(name, serviceNames({ namespace, mode }, suffix), {
      key: keyPath(["namespace"]),
      length: namespace.length,
    });
    if (tooLong) mistakes.push(refusal("name.too-long", at, halvesOf(tooLong)));
    for (const [pattern, what] of [
      [/[_-]copy$/, "copies"],
      [/[_-]v\d+$/, "versions"],
    ] as const) {
      const ending = pattern.exec(name)?.[0];
      if (ending) mistakes.push(refusal("name.reserved-ending", at, { ending, what }));
    }
  }
  for (const name of Object.keys(state?.tables ?? {})) {
    const mistake = identifierMistake(name);
    if (mistake) mistakes.push(refusal("name.too-long", keyPath(["state", "tables", name]), halvesOf(mistake)));
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

function modelMistakes({ zoo, development, shadows, state, pools, serving }: ParsedEnvironment): Refusal[] {
  const mistakes: Refusal[] = [];
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
        refusal("model.from-missing", at("from"), {
          phase: model.phase,
          model: name,
          direct: alternatives(directPhases),
        }),
      );
    }
    mistakes.push(...environmentMistakes(at, model.env));
    if (model.replicas.max !== undefined && model.replicas.max < model.replicas.min) {
      const { min, max } = model.replicas;
      mistakes.push(refusal("model.replicas-order", at("replicas", "max"), { max, min }));
    }
    const mode = model.mode ?? serving.mode;
    if (model.replicas.min === 0 && mode === "Standard") {
      const needs = "needs mode: Knative, because Standard mode does not scale to zero";
      mistakes.push(refusal("model.replicas-zero", at("replicas", "min"), { needs }));
    }
    mistakes.push(...placementMistakes(at, model, pools));
    if (model.state && !state) {
      mistakes.push(refusal("model.state-undeclared", at("state"), { state: keyPath(["state"]) }));
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
      const window = { minutes: version.idleMinutes, longest: longestKnativeWindow };
      mistakes.push(refusal("model.idle-window", at("idleMinutes"), window));
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

function environmentMistakes(at: KeyOf, env: Readonly<Record<string, string>>): Refusal[] {
  return Object.keys(env)
    .filter((variable) => reservedVariables.test(variable))
    .map((variable) => refusal("model.env-reserved", at("env", variable), { who: "the platform" }));
}

function placementMistakes(
  at: KeyOf,
  model: Pick<ParsedEnvironment["zoo"][string], "pool" | "resources">,
  pools: ParsedEnvironment["pools"],
): Refusal[] {
  const pool = pools[model.pool];
  if (!pool) {
    if (model.pool !== builtInPool) return [unknownPool(at("pool"), model.pool, Object.keys(pools))];
    if (!model.resources.gpus) return [];
    return [refusal("model.pool-without-gpus", at("resources", "gpus"), { pool: builtInPool })];
  }
  const gpus = model.resources.gpus ?? 1;
  if (gpus <= pool.gpu.perNode) return [];
  const { perNode } = pool.gpu;
  return [refusal("model.gpus-per-node", at("resources", "gpus"), { pool: model.pool, perNode, gpus })];
}

function unknownPool(at: string, name: string, declared: readonly string[]): Refusal {
  const known = [builtInPool, ...declared];
  const meant = closest(name, known);
  const change = meant
    ? `did you mean ${show(meant)}?`
    : `use ${alternatives(known)}, or declare it under ${keyPath(["pools"])}`;
  return refusal("model.pool-unknown", at, { pool: show(name), change });
}

function poolTooSmall(
  name: string,
  pool: ParsedEnvironment["pools"][string] | undefined,
  gpus: number,
  models: readonly string[],
): Refusal[] {
  if (!pool || (pool.replicas === undefined && !pool.limits)) return [];
  const { nodes, perNode, has } = poolNodes(pool);
  if (gpus <= nodes * perNode) return [];
  const key = pool.replicas === undefined ? ["limits", "gpus"] : ["replicas"];
  return [
    refusal("pool.too-small", keyPath(["pools", name, ...key]), {
      models: models.join(", "),
      need: gpus,
      have: has,
    }),
  ];
}
