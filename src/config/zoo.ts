import * as z from "zod";
import { choice, cpuQuantity, mapping, memoryQuantity, namesTo, text, wholeNumber } from "./fields.ts";

/** All phases of a rollout, in their order; {@link availablePhases} are those that this version of Menagerie has. */
export const phases = ["off", "copy", "version", "forward", "bake", "done", "reverted"] as const;
export const availablePhases: readonly Phase[] = ["off", "version", "done"];
export type Phase = (typeof phases)[number];

export const deploymentModes = ["Standard", "Knative"] as const;

/** As KServe's own names, plus the underscore, which a database and truss allow and Kubernetes does not. */
export const zooName = /^[a-z]([a-z0-9_-]*[a-z0-9])?$/;
const environmentVariable = /^[A-Za-z_][A-Za-z0-9_]*$/;

const replicas = mapping(
  {
    min: wholeNumber(
      0,
      1000,
      "Pods that always run. 0 scales to zero, in Knative mode only. Unit: pods. Default: 1.",
    ).default(1),
    max: wholeNumber(
      1,
      1000,
      "Pods at most. Equal to `min`: no autoscaling. Unit: pods. Default: `min`, and at least 1.",
    ).optional(),
  },
  "write {min: 1, max: 1}",
  "How many pods serve the model. Default: one.",
);

export const resources = mapping(
  {
    cpu: cpuQuantity("CPU of one pod. Unit: cores. Default: 1.").prefault("1"),
    memory: memoryQuantity(
      "Memory of one pod; more is an out-of-memory kill. Unit: bytes with a suffix. Default: 2Gi.",
    ).default("2Gi"),
    gpus: wholeNumber(
      1,
      16,
      "GPUs of one pod. Unit: whole GPUs. Default: 1 on a pool with GPUs, none on others.",
    ).optional(),
  },
  'write {cpu: "1", memory: "2Gi"}',
  "What one pod of the model gets. Requests and limits are equal.",
);

/** A truss folder of the project. */
export const trussFolder = text(
  /^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\\]+$/,
  "give the truss folder, relative to the project, such as models/iris",
  "The truss folder, relative to Pulumi.yaml, inside the project.",
);

export const poolName = text(
  /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
  "use cpu or a name under menagerie:pools",
  "Node pool of the model's pods. Default: cpu.",
).default("cpu");

export const environmentVariables = namesTo(
  environmentVariable,
  "use letters, digits and underscores, such as FACTOR",
  z.string({
    error: ({ input }) =>
      typeof input === "number" || typeof input === "boolean"
        ? `${String(input)} is not text; put it in quotes: "${String(input)}"`
        : "is not text; give a string in quotes",
  }),
  'write {FACTOR: "2"}',
  "Environment variables of the model's container. Values are text. Not for secrets. Default: none.",
).default({});

const zooEntry = mapping(
  {
    truss: trussFolder,
    phase: choice(
      phases,
      "Phase of the model's rollout: off (not deployed), version (new apps use it), done. Others are not available yet.",
      availablePhases,
    ),
    pool: poolName,
    replicas: replicas.prefault({}),
    resources: resources.prefault({}),
    env: environmentVariables,
    mode: choice(
      deploymentModes,
      "KServe deployment mode of this model; cannot be changed later. Default: menagerie:serving.mode.",
    ).optional(),
  },
  "write {truss: <folder>, phase: done}",
  "One zoo model.",
);

export const zoo = namesTo(
  zooName,
  "use lower-case letters, digits, - and _, starting with a letter, such as iris",
  zooEntry,
  "write {<model>: {truss: <folder>, phase: done}}",
  "Zoo models by name. Default: none.",
).default({});
