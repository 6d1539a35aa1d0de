import { buildAccount } from "../../domain/builds/pipeline.ts";
import type { Progress } from "../../domain/progress.ts";
import type { TrussBuilder } from "../../domain/truss/builder.ts";
import { holdsImage } from "../images/imageStore.ts";
import { ambientKubeConfig } from "../kubernetes/workloads.ts";
import type { PythonLayers } from "../truss/python.ts";
import { dockerContext, trussContext } from "./buildContext.ts";
import { createPipelineBuilder, type PipelineBuilderOptions } from "./pipelineBuilder.ts";

/** Where a stack's Pipeline is, and what its builds may take. */
export interface StackPipeline
  extends Pick<PipelineBuilderOptions, "namespace" | "credentials" | "timeoutMinutes" | "keep"> {
  /** Images are pushed to `<repository>/<name>`. @default directory images of the embedded environment's store */
  readonly repository?: string;
  /** Context of the ambient kubeconfig. @default its current one */
  readonly context?: string;
}

/** The builder by a stack's own Pipeline, for a registry or for the embedded environment's image store. */
export function stackPipelineBuilder(
  { repository, context, ...runs }: StackPipeline,
  options: {
    readonly cache: string;
    readonly python: PythonLayers;
    readonly progress: Progress;
    readonly signal: AbortSignal;
  },
): TrussBuilder {
  const { cache, python, progress, signal } = options;
  const common = { ...runs, config: ambientKubeConfig(context), serviceAccount: buildAccount, progress, signal };
  if (repository !== undefined) {
    return createPipelineBuilder({
      ...common,
      pack: ({ name }, reading) => dockerContext(name, reading, { cache, python, env: process.env, signal }),
      params: ({ name, hash }) => ({ image: `${repository}/${name}`, tag: hash }),
    });
  }
  const store = process.env.MENAGERIE_IMAGE_STORE;
  return createPipelineBuilder({
    ...common,
    pack: ({ name }, reading) => trussContext(name, reading),
    params: ({ name, hash }) => ({ name, hash, python: JSON.stringify(python) }),
    // Requirements of the truss are installed in the pod.
    annotations: { "menagerie.dev/egress": "true" },
    ...(store === undefined ? {} : { isStored: ({ url, digest }) => holdsImage(store, `${url}@${digest}`) }),
  });
}
