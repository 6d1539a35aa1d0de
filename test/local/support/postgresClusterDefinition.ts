import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import type { Manifest } from "./manifests.ts";

const [group, plural, kind] = ["postgres-operator.crunchydata.com", "postgresclusters", "PostgresCluster"];
const real = join(import.meta.dirname, "../../../../shared/crds", `${group}_${plural}.yaml`);

/**
 * The operator's own definition where a copy lies beside the checkout, as it is in no registry; else one that takes any spec.
 * What was generated from the real one (src/crds/postgresCluster.ts) holds the manifest to it in either case.
 */
export function postgresClusterDefinition(): Manifest {
  if (existsSync(real)) return load(readFileSync(real, "utf8")) as Manifest;
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase() },
      scope: "Namespaced",
      versions: [{ name: "v1beta1", served: true, storage: true, schema }],
    },
  } as Manifest;
}
