import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadAll } from "js-yaml";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { messageOf } from "../domain/errors.ts";

/**
 * `node src/crds/generate.ts <folder>...`: writes one file of TypeScript types for the spec of each kind below, from
 * the CRD files in the folders. Which release they come from is pinned in tools/crds/go.mod.
 */

interface Wanted {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly file: string;
}

const wanted: readonly Wanted[] = [
  { group: "serving.kserve.io", version: "v1beta1", kind: "InferenceService", file: "inferenceService.ts" },
  { group: "networking.istio.io", version: "v1", kind: "VirtualService", file: "virtualService.ts" },
  { group: "gateway.networking.k8s.io", version: "v1", kind: "HTTPRoute", file: "httpRoute.ts" },
  { group: "security.istio.io", version: "v1", kind: "AuthorizationPolicy", file: "authorizationPolicy.ts" },
  { group: "tekton.dev", version: "v1", kind: "Task", file: "task.ts" },
  { group: "tekton.dev", version: "v1", kind: "Pipeline", file: "pipeline.ts" },
  { group: "tekton.dev", version: "v1", kind: "PipelineRun", file: "pipelineRun.ts" },
  { group: "karpenter.sh", version: "v1", kind: "NodePool", file: "nodePool.ts" },
  { group: "karpenter.k8s.aws", version: "v1", kind: "EC2NodeClass", file: "ec2NodeClass.ts" },
  // In no registry: its CRD comes with the operator's manifests (CrunchyData/postgres-operator, config/crd/bases).
  {
    group: "postgres-operator.crunchydata.com",
    version: "v1beta1",
    kind: "PostgresCluster",
    file: "postgresCluster.ts",
  },
  { group: "local.menagerie.dev", version: "v1alpha1", kind: "LocalNodeClass", file: "localNodeClass.ts" },
];

interface Schema {
  type?: string;
  format?: string;
  tsType?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  [key: string]: unknown;
}

interface CustomResourceDefinition {
  readonly kind?: string;
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema: Schema } }[];
  };
}

const importLine = 'import type * as kubernetes from "@pulumi/kubernetes";\n\n';

/**
 * Where a custom resource embeds a whole pod, its CRD repeats all of Kubernetes' pod schema (thousands of lines per
 * component). Those properties take their types from the Kubernetes SDK instead.
 */
function cutPods(schema: Schema): Schema {
  const { properties } = schema;
  if (!properties) return schema;
  const isPod = properties.containers && properties.volumes && properties.tolerations;
  const isContainer = properties.image && properties.env && properties.livenessProbe;
  const pod = isPod
    ? "kubernetes.types.input.core.v1.PodSpec"
    : isContainer
      ? "kubernetes.types.input.core.v1.Container"
      : undefined;
  if (!pod) return schema;
  const own = isPod ? podProperties : containerProperties;
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, own.has(key) ? { tsType: `${pod}["${key}"]` } : value]),
    ),
    // Required by the plain schema (`name` of a container), which a KServe component fills in itself.
    required: ((schema.required as string[] | undefined) ?? []).filter((key) => !own.has(key)),
  };
}

const podProperties = new Set(
  `activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks
  ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname imagePullSecrets initContainers nodeName
  nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims resources restartPolicy
  runtimeClassName schedulerName schedulingGates securityContext serviceAccount serviceAccountName setHostnameAsFQDN
  shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes`.split(
    /\s+/,
  ),
);

const containerProperties = new Set(
  `args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources
  restartPolicy securityContext startupProbe stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices
  volumeMounts workingDir`.split(/\s+/),
);

/**
 * From Kubernetes' structural schema to what the generator reads: closed objects, int-or-string, free-form values. The
 * descriptions stay behind: they are upstream's text, and `kubectl explain` shows those of the cluster at hand.
 */
function plain(input: Schema): Schema {
  if (input.tsType) return input;
  if (input["x-kubernetes-int-or-string"]) return { tsType: "number | string" };
  const schema = cutPods(input);
  const out: Schema = {};
  for (const key of ["type", "required", "enum"]) if (schema[key] !== undefined) out[key] = schema[key];
  if (schema.properties) {
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([key, value]) => [key, plain(value)]));
    out.additionalProperties = schema["x-kubernetes-preserve-unknown-fields"] === true;
  } else if (typeof schema.additionalProperties === "object") {
    out.additionalProperties = plain(schema.additionalProperties);
  } else if (schema.type === "object") {
    return { tsType: "{ [key: string]: unknown }" };
  }
  if (schema.items) out.items = plain(schema.items);
  return out;
}

function readDefinitions(folders: readonly string[]): CustomResourceDefinition[] {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.ya?ml$/.test(name))
      .flatMap((name) => loadAll(readFileSync(join(folder, name), "utf8")) as (CustomResourceDefinition | null)[])
      .filter((document) => document?.kind === "CustomResourceDefinition"),
  ) as CustomResourceDefinition[];
}

async function generate(
  { group, version, kind, file }: Wanted,
  definitions: readonly CustomResourceDefinition[],
): Promise<void> {
  const definition = definitions.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  const schema = definition?.spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
  const spec = schema?.properties?.spec;
  if (!spec) throw new Error(`no CRD of ${kind} ${group}/${version} in the folders given; add the folder that has it`);
  const header = `// Written by src/crds/generate.ts from the CRD of ${group}/${version}; do not edit.\n`;
  const text = await compile({ ...plain(spec), title: `${kind}Spec` } as JSONSchema, `${kind}Spec`, {
    bannerComment: header,
    format: false,
    strictIndexSignatures: false,
    additionalProperties: false,
    unknownAny: true,
    // Tuples for `maxItems` and the like make arrays that no program can build.
    ignoreMinAndMaxItems: true,
  });
  const needsImport = text.includes("kubernetes.types.");
  writeFileSync(join(import.meta.dirname, file), text.replace(header, `${header}\n${needsImport ? importLine : ""}`));
}

const folders = process.argv.slice(2);
try {
  if (folders.length === 0) throw new Error("name the folders that hold the CRD files");
  const definitions = readDefinitions(folders.map((folder) => resolve(folder)));
  for (const each of wanted) await generate(each, definitions);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
