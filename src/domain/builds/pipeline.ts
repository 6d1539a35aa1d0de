import type { BuildResources } from "./buildResources.ts";
import { type DirectoryTarget, directoryParameters, directoryTask } from "./directoryTask.ts";
import { buildPartLabels as labels, pipelineName, workspaces } from "./names.ts";
import { type RegistryTarget, registryParameters, registryTask } from "./registryTask.ts";

/** How the image is made. */
export type BuildTarget<Image = string> = RegistryTarget | DirectoryTarget<Image>;

export interface BuildPipeline<Image = string> {
  readonly namespace: string;
  readonly target: BuildTarget<Image>;
  readonly resources: BuildResources;
  /** How often a failed task is tried again. */
  readonly retries: number;
}

/** The one Task of a build: its steps share a folder of the pod, so no volume must outlive it. */
export function buildTaskManifest<Image>({ namespace, target, resources }: BuildPipeline<Image>) {
  const parts = target.kind === "registry" ? registryTask(target, resources) : directoryTask(target, resources);
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Task",
    metadata: { name: pipelineName, namespace, labels },
    spec: {
      description: "Builds the image of a truss from a context that is given by its hash.",
      params: parameters(target),
      workspaces: [
        {
          name: workspaces.context,
          description: "The parts of the context's archive (tar, gzip), in the order of their names.",
          readOnly: true,
        },
        ...(target.kind === "registry" ? [credentialsWorkspace] : []),
      ],
      results: [
        { name: "IMAGE_URL", description: "The image's repository, without tag and digest." },
        { name: "IMAGE_DIGEST", description: "sha256:<64 hex>: what is deployed." },
      ],
      ...parts,
    },
  };
}

/** The Pipeline that a PipelineRun names: one Task, whose results it hands on. */
export function buildPipelineManifest<Image>({ namespace, target, retries }: BuildPipeline<Image>) {
  const result = (name: string) => ({ name, value: `$(tasks.build.results.${name})` });
  const names = [workspaces.context, ...(target.kind === "registry" ? [workspaces.credentials] : [])];
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Pipeline",
    metadata: { name: pipelineName, namespace, labels },
    spec: {
      description: "Builds the image of a truss; results IMAGE_URL and IMAGE_DIGEST.",
      params: parameters(target),
      workspaces: names.map((name) => ({ name, ...(name === workspaces.credentials ? { optional: true } : {}) })),
      results: [result("IMAGE_URL"), result("IMAGE_DIGEST")],
      tasks: [
        {
          name: "build",
          taskRef: { name: pipelineName, kind: "Task" },
          retries,
          params: parameters(target).map(({ name }) => ({ name, value: `$(params.${name})` })),
          workspaces: names.map((name) => ({ name, workspace: name })),
        },
      ],
    },
  };
}

function parameters({ kind }: Pick<BuildTarget, "kind">) {
  const described = {
    ...(kind === "registry" ? registryParameters : directoryParameters),
    "context-sha256": "SHA-256 of the context's archive, 64 hex digits.",
  };
  return Object.entries(described).map(([name, description]) => ({ name, type: "string", description }));
}

const credentialsWorkspace = {
  name: workspaces.credentials,
  description: "config.json with the registry's credentials.",
  optional: true,
  readOnly: true,
};
