import type { KubeConfig } from "@kubernetes/client-node";
import { buildAccount } from "../../domain/builds/names.ts";
import type { StackPipeline } from "../../domain/builds/stackPipeline.ts";
import { pushLimits } from "../../domain/development/pushedTruss.ts";
import type { Progress } from "../../domain/progress.ts";
import { annotations } from "../../domain/serving/servedModel.ts";
import type { ArchiveBuilder } from "../../domain/truss/archiveBuilder.ts";
import type { TrussBuilder } from "../../domain/truss/builder.ts";
import { holdsImage } from "../images/imageStore.ts";
import { registryHolds } from "../images/registryImage.ts";
import { userLogins } from "../images/registryLogins.ts";
import { clusterLogins } from "../kubernetes/pullSecrets.ts";
import { ambientKubeConfig } from "../kubernetes/workloads.ts";
import type { TrussLibrary } from "../truss/buildContext.ts";
import type { PythonLayers } from "../truss/python.ts";
import { dockerContext, trussContext } from "./buildContext.ts";
import { createPipelineArchiveBuilder } from "./pipelineArchiveBuilder.ts";
import { createPipelineBuilder } from "./pipelineBuilder.ts";

/** Requirements of a truss are installed in the pod. */
const egress = { [annotations.egress]: "true" };

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
    const { namespace, credentials } = runs;
    const builds = credentials === undefined ? undefined : { namespace, name: credentials };
    const logins = [...userLogins(), ...clusterLogins(async () => common.config, { namespace, builds })];
    return createPipelineBuilder({
      ...common,
      pack: ({ name }, reading) => dockerContext(name, reading, { cache, python, env: process.env, signal }),
      params: ({ name, hash }) => ({ image: `${repository}/${name}`, tag: hash }),
      // What cannot be asked for is taken to be there.
      isStored: async ({ url, digest }) => (await registryHolds(`${url}@${digest}`, logins)).state !== "gone",
    });
  }
  const store = process.env.MENAGERIE_IMAGE_STORE;
  return createPipelineBuilder({
    ...common,
    pack: ({ name }, reading) => trussContext(name, reading),
    params: ({ name, hash }) => ({ name, hash, python: JSON.stringify(python), control: "false" }),
    annotations: egress,
    ...(store === undefined ? {} : { isStored: ({ url, digest }) => holdsImage(store, `${url}@${digest}`) }),
  });
}

/** The builder of what clients push, by a stack's own Pipeline, with the identity of `config`. */
export function pushedPipelineBuilder(
  { repository, ...runs }: Omit<StackPipeline, "context">,
  options: {
    readonly config: KubeConfig;
    /** Folder for build contexts, and the truss library: needed for a registry. */
    readonly cache: string;
    readonly library: TrussLibrary;
    readonly log: (line: string) => void;
  },
): ArchiveBuilder {
  const { config, cache, library, log } = options;
  const common = { ...runs, config, log, serviceAccount: buildAccount, limits: pushLimits };
  if (repository !== undefined) {
    return createPipelineArchiveBuilder({
      ...common,
      pack: ({ name }, reading, signal) =>
        dockerContext(name, reading, { cache, python: library, env: process.env, signal, control: true }),
      params: ({ name, hash }) => ({ image: `${repository}/${name}`, tag: hash }),
    });
  }
  return createPipelineArchiveBuilder({
    ...common,
    pack: async ({ name }, reading) => trussContext(name, reading),
    // The pod finds the environment's Python itself.
    params: ({ name, hash }) => ({ name, hash, python: "", control: "true" }),
    annotations: egress,
  });
}
