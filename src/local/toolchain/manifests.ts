import { createHash, randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CORE_SCHEMA, loadAll } from "js-yaml";
import type { BuildContext } from "./build.ts";
import { downloadModule, pinnedVersions } from "./downloadedModule.ts";
import { toolsFolder } from "./fingerprint.ts";
import { downloadStall } from "./goCommand.ts";
import { manifestSources } from "./manifestSources.ts";

/** One CustomResourceDefinition, as JSON: a bring-up sends the file's content as it is. */
export interface CrdFile {
  /** Absolute path. */
  readonly file: string;
  /** `metadata.name`, such as `inferenceservices.serving.kserve.io`. */
  readonly name: string;
  /** `kserve`, `tekton`, `istio`, `gateway-api`, `knative`, `karpenter` or `karpenter-aws`. */
  readonly source: string;
}

/** KServe's own manifests, one object per JSON file, in namespace `kserve`. */
export interface KserveManifests {
  /** ServiceAccount, ClusterRole and Role with their bindings. */
  readonly rbac: readonly string[];
  /** Mutating and validating webhook configurations (Service `kserve-webhook-server-service`, no caBundle), and that Service. */
  readonly webhooks: readonly string[];
  /** ConfigMap `inferenceservice-config` as KServe ships it. */
  readonly inferenceServiceConfig: string;
}

export interface Manifests {
  readonly crds: readonly CrdFile[];
  readonly kserveManifests: KserveManifests;
  /**
   * What Tekton's controller needs besides its CRDs, one object per JSON file: its namespace, account, roles with their
   * bindings, and its ConfigMaps. Nothing of the webhook and the events controller, which do not run here.
   */
  readonly tektonManifests: readonly string[];
}

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; namespace?: string; creationTimestamp?: unknown };
  spec?: { conversion?: unknown };
  subjects?: { kind: string; namespace?: string }[];
  webhooks?: { clientConfig: { service?: { name: string; namespace: string }; caBundle?: string } }[];
}

const index = "index.json";
const kserveNamespace = "kserve";
const kserveWebhookService = "kserve-webhook-server-service";
const otherTektonParts = /webhook|events/;
const clusterScoped = /^(Cluster|Namespace$|MutatingWebhook|ValidatingWebhook|CustomResourceDefinition)/;

/** Folder in the cache of these manifests as pinned now. */
export async function manifestsFolder(cache: string): Promise<string> {
  const hash = createHash("sha256")
    .update(JSON.stringify(manifestSources))
    .update(await readFile(import.meta.filename));
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(toolsFolder, "crds", file)));
  return join(cache, `crds-${hash.digest("hex").slice(0, 16)}`);
}

/** The manifests in `folder`, or undefined when they are not (completely) there. */
export async function readManifests(folder: string): Promise<Manifests | undefined> {
  try {
    const found = JSON.parse(await readFile(join(folder, index), "utf8")) as Manifests;
    const at = (name: string) => join(folder, name);
    return {
      crds: found.crds.map((crd) => ({ ...crd, file: at(crd.file) })),
      kserveManifests: {
        rbac: found.kserveManifests.rbac.map(at),
        webhooks: found.kserveManifests.webhooks.map(at),
        inferenceServiceConfig: at(found.kserveManifests.inferenceServiceConfig),
      },
      tektonManifests: found.tektonManifests.map(at),
    };
  } catch {
    return undefined;
  }
}

/** Downloads the pinned modules and writes their CRDs and manifests to `folder`, in one step. */
export async function copyManifests(folder: string, context: BuildContext): Promise<Manifests> {
  const work = `${folder}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const pins = `${work}.pins`;
  try {
    await mkdir(work, { recursive: true });
    await mkdir(pins);
    const modules = await downloadPinned(pins, context);
    const crds: CrdFile[] = [];
    const rbac: string[] = [];
    const webhooks: string[] = [];
    const tektonManifests: string[] = [];
    let inferenceServiceConfig = "";
    for (const source of manifestSources) {
      const root = modules.get(source.module);
      if (root === undefined) throw new Error(`tools/crds/go.mod does not require ${source.module}`);
      for (const object of await readObjects(root, source.files)) {
        if (source.role === "tekton" && object.kind !== "ConfigMap" && otherTektonParts.test(object.metadata.name)) {
          continue;
        }
        // Tekton's manifests name their namespace themselves.
        const cleaned = source.role === "tekton" ? object : clean(object);
        const file = `${source.name}-${object.kind.toLowerCase()}-${object.metadata.name.replaceAll(/[^a-z0-9.-]/g, "-")}.json`;
        await writeFile(join(work, file), JSON.stringify(cleaned));
        if (source.role === "crds") crds.push({ file, name: object.metadata.name, source: source.name });
        else if (source.role === "rbac") rbac.push(file);
        else if (source.role === "webhooks") webhooks.push(file);
        else if (source.role === "tekton") tektonManifests.push(file);
        else inferenceServiceConfig = file;
      }
    }
    const found: Manifests = { crds, kserveManifests: { rbac, webhooks, inferenceServiceConfig }, tektonManifests };
    await writeFile(join(work, index), JSON.stringify(found, null, 2));
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
  } finally {
    for (const made of [work, pins]) await rm(made, { recursive: true, force: true });
  }
  const manifests = await readManifests(folder);
  if (!manifests) throw new Error(`${folder} is incomplete right after it was written`);
  return manifests;
}

/** Folder of each module that manifests are taken from. The pins are copied to `folder`, since the checkout is never written. */
async function downloadPinned(folder: string, context: BuildContext): Promise<ReadonlyMap<string, string>> {
  for (const file of ["go.mod", "go.sum"]) await copyFile(join(toolsFolder, "crds", file), join(folder, file));
  const site = {
    folder,
    name: "crds",
    purpose: "the CRDs",
    log: join(context.cache, "logs", "crds.log"),
    env: { ...context.env, GOWORK: "off" },
    signal: context.signal,
    stallAfter: downloadStall,
  };
  const folders = new Map<string, string>();
  for (const [module, version] of await pinnedVersions(site)) {
    folders.set(module, (await downloadModule(module, version, site)).Dir);
  }
  return folders;
}

async function readObjects(root: string, files: readonly string[]): Promise<KubernetesObject[]> {
  const objects: KubernetesObject[] = [];
  for (const pattern of files) {
    for (const path of await matching(root, pattern)) {
      // The core schema knows no dates, which JSON could not give back as they were.
      for (const object of loadAll(await readFile(path, "utf8"), { schema: CORE_SCHEMA }) as KubernetesObject[]) {
        if (object?.kind) objects.push(object);
      }
    }
  }
  return objects;
}

/** A path, or a folder and `*.yaml`. */
async function matching(root: string, pattern: string): Promise<string[]> {
  if (basename(pattern) !== "*.yaml") return [join(root, pattern)];
  const folder = join(root, pattern.slice(0, -"*.yaml".length));
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");
  return names.sort().map((name) => join(folder, name));
}

/** What kustomize would do in KServe's default overlay (namespace, webhook Service), and no conversion webhooks. */
function clean(object: KubernetesObject): KubernetesObject {
  const copy = structuredClone(object);
  delete copy.metadata.creationTimestamp;
  if (copy.kind === "CustomResourceDefinition") {
    delete copy.spec?.conversion;
    return copy;
  }
  if (!clusterScoped.test(copy.kind)) copy.metadata.namespace = kserveNamespace;
  for (const subject of copy.subjects ?? []) {
    if (subject.kind === "ServiceAccount") subject.namespace = kserveNamespace;
  }
  for (const { clientConfig } of copy.webhooks ?? []) {
    delete clientConfig.caBundle;
    if (clientConfig.service) {
      Object.assign(clientConfig.service, { name: kserveWebhookService, namespace: kserveNamespace });
    }
  }
  return copy;
}
