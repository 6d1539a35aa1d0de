import type * as z from "zod";
import { isMapping } from "../domain/mapping.ts";
import { builtInPool } from "./pools.ts";

type Mapping = Record<string, unknown>;

/** Stands for a pool that is wrong: large enough for whatever runs on it, on each class of nodes. */
const anyPool = { gpu: { kind: "any", perNode: 16 }, replicas: 1000 };

const anyPrometheus = { url: "http://any" };

/**
 * What is left of a config when everything that the schema complains of is taken out, so that rules between keys can be
 * checked on the rest in the same run. Takes out more rather than less: what refers to something wrong goes with it,
 * for a mistake that follows from another one would only confuse.
 */
export function validSubset(raw: unknown, issues: readonly z.core.$ZodIssue[]): Mapping {
  const rest: Mapping = isMapping(raw) ? structuredClone(raw) : {};
  const wrong = new Set<PropertyKey>();
  for (const issue of issues) {
    const [key, name] = issue.path;
    if (key === undefined) {
      for (const unknown of issue.code === "unrecognized_keys" ? issue.keys : Object.keys(rest)) delete rest[unknown];
      continue;
    }
    const entries = rest[String(key)];
    // A pool that is wrong is a pool all the same: models that name another one are wrong by themselves.
    if (key === "pools" && name !== undefined && issue.code !== "invalid_key" && isMapping(entries)) {
      entries[String(name)] = anyPool;
      continue;
    }
    wrong.add(key);
    if (name !== undefined && (key === "zoo" || key === "shadows" || key === "pools") && isMapping(entries))
      delete entries[String(name)];
    else delete rest[String(key)];
  }
  // A Prometheus with a wrong address is one all the same: targets are measured by it.
  if (wrong.has("prometheus")) rest.prometheus = anyPrometheus;
  // Their defaults are not what the writer meant.
  if (wrong.has("serving")) {
    delete rest.zoo;
    delete rest.shadows;
  }
  if (wrong.has("pools") || wrong.has("nodeClass")) {
    delete rest.pools;
    const zoo = isMapping(rest.zoo) ? Object.entries(rest.zoo) : [];
    rest.zoo = Object.fromEntries(zoo.filter(([, model]) => onOrdinaryNodes(model)));
    delete rest.shadows;
  }
  return rest;
}

function onOrdinaryNodes(model: unknown): boolean {
  return isMapping(model) && (model.pool ?? builtInPool) === builtInPool;
}
