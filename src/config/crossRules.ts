import { poolNodes } from "../domain/capacity/poolNodes.ts";
import {
  generatedPart,
  highestVersion,
  identifierIssue,
  longNameIssue,
  serviceNames,
} from "../domain/generatedNames.ts";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { kubernetesName } from "../domain/zoo/plan.ts";
import { buildIssues } from "./buildRules.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { alternatives, show } from "./fields.ts";
import { gatewayIssues } from "./gatewayRules.ts";
import { idleIssues, longestKnativeWindow } from "./idleRules.ts";
import { judgeIssues, mirrorIssues } from "./judgeRules.ts";
import { migrationIssues } from "./migrationRules.ts";
import { pipelineIssues } from "./pipelineRules.ts";
import { builtInPool } from "./pools.ts";
import { releaseIssues } from "./releaseRules.ts";
import { keyPath } from "./sentences.ts";
import { shadowGateIssues } from "./shadowGateRules.ts";
import { shadowedModels, shadowIssues } from "./shadowRules.ts";
import { closest } from "./suggest.ts";
import { targetIssues } from "./targetRules.ts";
import { trafficIssues } from "./trafficRules.ts";

/** Environment variables of the serving containers that Menagerie, truss or KServe set themselves. */
const reservedVariables =
  /^(HASH_TRUSS|PATCH_PING_URL_TRUSS|APP_HOME|PYTHON_EXECUTABLE|CONTROL_SERVER_PORT|INFERENCE_SERVER_PORT|PYTHONDONTWRITEBYTECODE|K_SERVICE|K_REVISION|K_CONFIGURATION|PORT|PYTHONPATH|CUSTOM_SPEC_[A-Z_]+)$/;

/** Phases of a model that no old version is left for. */
const directPhases: readonly string[] = ["off", "version", "done"];

const reservedNamespaces = /^(kube-.*|default|kserve|istio-system|knative-serving|tekton-.*|karpenter)$/;

/** Mistakes that no single key shows: references between keys, and names that collide or outgrow Kubernetes. */
export function crossKeyIssues(
  environment: Omit<ParsedEnvironment, "databasePassword"> & { readonly guardsTarget: boolean },
): Refusal[] {
  return [
    ...namespaceIssues(environment),
    ...buildIssues(environment, reservedNamespaces),
    ...serviceIssues(environment),
    ...gatewayIssues(environment),
    ...poolIssues(environment),
    ...nameIssues(environment),
    ...modelIssues(environment),
    ...targetIssues(environment),
    ...migrationIssues(environment),
    ...trafficIssues(environment),
    ...releaseIssues(environment),
    ...pipelineIssues(environment),
    ...shadowIssues(environment, keysOfModels(environment)),
    ...shadowGateIssues(environment),
    ...judgeIssues(environment),
    ...mirrorIssues(environment),
  ];
}

function namespaceIssues({ namespace, dynamicSettings }: ParsedEnvironment): Refusal[] {
  const issues: Refusal[] = [];
  if (reservedNamespaces.test(namespace)) {
    const change = "use a namespace of its own, such as models";
    issues.push(
      refusal("namespace.reserved", keyPath(["namespace"]), { namespace: show(namespace), there: "", change }),
    );
  }
  if (!dynamicSettings.createNamespace) return issues;
  const at = keyPath(["dynamicSettings", "createNamespace"]);
  if (dynamicSettings.namespace === namespace) {
    const holds = "is the models' namespace, which the stack makes anyway";
    issues.push(refusal("namespace.shared", at, { namespace: `"${namespace}"`, holds, change: "remove the key" }));
  } else if (reservedNamespaces.test(dynamicSettings.namespace)) {
    const named = { namespace: `"${dynamicSettings.namespace}"`, there: " and is there" };
    issues.push(refusal("namespace.reserved", at, { ...named, change: "remove the key" }));
  }
  return issues;
}

function serviceIssues({
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
  const issues: Refusal[] = [];
  if (mesh?.keyCheck && !(database ?? postgresCluster) && nodeClass !== "local") {
    issues.push(
      refusal("mesh.key-check-without-api", keyPath(["mesh", "keyCheck"]), {
        database: keyPath(["database"]),
        postgresCluster: keyPath(["postgresCluster"]),
      }),
    );
  }
  if ((database ?? postgresCluster) && !services.image && nodeClass !== "local") {
    const key = database ? "database" : "postgresCluster";
    issues.push(refusal("services.image-missing", keyPath(["services", "image"]), { database: keyPath([key]) }));
  }
  if (database && postgresCluster) {
    issues.push(refusal("database.two", keyPath(["postgresCluster"]), { database: keyPath(["database"]) }));
  }
  if (postgresCluster && [namespace, services.namespace].includes(postgresCluster.namespace)) {
    issues.push(
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
    issues.push(refusal("namespace.shared", at, { ...named, holds: "is the namespace of the models" }));
  } else if (reservedNamespaces.test(services.namespace)) {
    issues.push(refusal("namespace.reserved", at, { ...named, there: "" }));
  }
  return issues;
}

function poolIssues({ pools, nodeClass }: ParsedEnvironment): Refusal[] {
  const issues: Refusal[] = [];
  for (const [name, pool] of Object.entries(pools)) {
    const at = (...rest: PropertyKey[]) => keyPath(["pools", name, ...rest]);
    if (name === builtInPool) issues.push(refusal("pool.built-in-name", at(), { name }));
    if (pool.replicas !== undefined && pool.limits) {
      issues.push(refusal("pool.two-sizes", at("limits"), { replicas: pool.replicas }));
    }
    if (nodeClass === "local") {
      if (pool.limits) issues.push(refusal("pool.local-limits", at("limits")));
      else if (pool.replicas === undefined) issues.push(refusal("pool.local-replicas", at("replicas")));
      for (const key of ["instanceTypes", "zones"] as const) {
        if (pool[key]) {
          issues.push(refusal("pool.local-placement", at(key), { nodeClass: keyPath(["nodeClass"]) }));
        }
      }
    } else {
      if (pool.replicas === undefined && !pool.limits) issues.push(refusal("pool.no-size", at()));
      if (pool.capacity) issues.push(refusal("pool.capacity", at("capacity")));
      if (pool.limits && pool.limits.gpus < pool.gpu.perNode) {
        issues.push(
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
      if (taint.key === "nvidia.com/gpu") issues.push(refusal("pool.gpu-taint", at("taints", index)));
      else if (keys.has(key)) issues.push(refusal("pool.taint-twice", at("taints", index), { taint: key }));
      keys.add(key);
    }
  }
  return issues;
}

function nameIssues({ zoo, development, namespace, serving, state }: ParsedEnvironment): Refusal[] {
  const issues: Refusal[] = [];
  const takenBy = new Map<string, string>();
  const named = [
    ...Object.entries(zoo).map(
      ([name, { mode, recording }]) => ["zoo", name, mode, `-v${highestVersion}`, recording !== undefined] as const,
    ),
    ...Object.entries(development).map(([name, { mode }]) => ["development", name, mode, "-dev", false] as const),
  ];
  for (const [section, name, mode = serving.mode, suffix, recorded] of named) {
    const at = keyPath([section, name]);
    const inKubernetes = kubernetesName(name);
    const other = takenBy.get(inKubernetes);
    if (other) issues.push(refusal("name.taken", at, { name: inKubernetes, other: `"${other}"` }));
    takenBy.set(inKubernetes, name);
    // A recorder's name is made from the one that the service got, which may end in a part that the engine made up.
    const longest = recorded ? `${suffix}${generatedPart}` : suffix;
    const tooLong = longNameIssue(name, serviceNames({ namespace, mode, recorded }, longest), {
      key: keyPath(["namespace"]),
      length: namespace.length,
    });
    if (tooLong) issues.push(refusal("name.too-long", at, tooLong));
    for (const [pattern, what] of [
      [/[_-]copy$/, "copies"],
      [/[_-]v\d+$/, "versions"],
    ] as const) {
      const ending = pattern.exec(name)?.[0];
      if (ending) issues.push(refusal("name.reserved-ending", at, { ending, what }));
    }
  }
  for (const name of Object.keys(state?.tables ?? {})) {
    const issue = identifierIssue(name);
    if (issue) issues.push(refusal("name.too-long", keyPath(["state", "tables", name]), issue));
  }
  return issues;
}

/** Keys of the models that have a route of their own, by their names in Kubernetes. */
function keysOfModels({ zoo, development }: ParsedEnvironment): Map<string, string> {
  return new Map([
    ...Object.keys(zoo).map((name) => [kubernetesName(name), keyPath(["zoo", name])] as const),
    ...Object.keys(development).map((name) => [kubernetesName(name), keyPath(["development", name])] as const),
  ]);
}

function modelIssues({ zoo, development, shadows, state, pools, serving }: ParsedEnvironment): Refusal[] {
  const issues: Refusal[] = [];
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
      issues.push(
        refusal("model.from-missing", at("from"), {
          phase: model.phase,
          model: name,
          direct: alternatives(directPhases),
        }),
      );
    }
    issues.push(...environmentIssues(at, model.env));
    if (model.replicas.max !== undefined && model.replicas.max < model.replicas.min) {
      const { min, max } = model.replicas;
      issues.push(refusal("model.replicas-order", at("replicas", "max"), { max, min }));
    }
    const mode = model.mode ?? serving.mode;
    issues.push(...idleIssues((key) => at("replicas", key), model.replicas, mode));
    issues.push(...placementIssues(at, model, pools));
    if (model.state && !state) {
      issues.push(refusal("model.state-undeclared", at("state"), { state: keyPath(["state"]) }));
    }
    if (pools[model.pool] && model.phase !== "off") {
      ask(model.pool, name, (model.resources.gpus ?? 1) * model.replicas.min);
    }
  }
  for (const [name, version] of Object.entries(development)) {
    const at = (...rest: PropertyKey[]) => keyPath(["development", name, ...rest]);
    issues.push(...environmentIssues(at, version.env), ...placementIssues(at, version, pools));
    const mode = version.mode ?? serving.mode;
    if (mode === "Knative" && version.idleMinutes !== undefined && version.idleMinutes > longestKnativeWindow) {
      const window = { minutes: version.idleMinutes, longest: longestKnativeWindow };
      issues.push(refusal("model.idle-window", at("idleMinutes"), window));
    }
    if (pools[version.pool] && mode === "Standard") ask(version.pool, name, version.resources.gpus ?? 1);
  }
  for (const { path, service, model, copies } of shadowedModels(shadows)) {
    const at = (...rest: PropertyKey[]) => keyPath([...path, ...rest]);
    issues.push(...environmentIssues(at, model.env), ...placementIssues(at, model, pools));
    if (pools[model.pool]) ask(model.pool, service, (model.resources.gpus ?? 1) * model.replicas.min * copies);
  }
  for (const [name, pipeline] of Object.entries(state?.pipelines ?? {})) {
    issues.push(...placementIssues((...rest) => keyPath(["state", "pipelines", name, ...rest]), pipeline, pools));
  }
  for (const [name, { gpus, models }] of asked) issues.push(...poolTooSmall(name, pools[name], gpus, models));
  return issues;
}

type KeyOf = (...rest: PropertyKey[]) => string;

function environmentIssues(at: KeyOf, env: Readonly<Record<string, string>>): Refusal[] {
  return Object.keys(env)
    .filter((variable) => reservedVariables.test(variable))
    .map((variable) => refusal("model.env-reserved", at("env", variable), { who: "the platform" }));
}

function placementIssues(
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
