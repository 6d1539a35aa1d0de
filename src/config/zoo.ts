import * as z from "zod";
import { phases } from "../domain/zoo/phases.ts";
import {
  choice,
  cpuQuantity,
  flag,
  listOf,
  mapping,
  memoryQuantity,
  namesTo,
  number,
  text,
  wholeNumber,
} from "./fields.ts";
import { judge } from "./judge.ts";
import { targetApps } from "./migrationTarget.ts";
import { ownPaths } from "./ownPaths.ts";
import { proof } from "./proof.ts";
import { recording } from "./recording.ts";
import { wrong } from "./schemaClause.ts";

export const deploymentModes = ["Standard", "Knative"] as const;

/** As KServe's own names, plus the underscore, which a database and truss allow and Kubernetes does not. */
export const zooName = /^[a-z]([a-z0-9_-]*[a-z0-9])?$/;
const environmentVariable = /^[A-Za-z_][A-Za-z0-9_]*$/;

const target = mapping(
  {
    concurrency: wholeNumber(
      1,
      10_000,
      "Requests that a pod answers at once, on average. In Standard mode it needs menagerie:prometheus and KEDA. Unit: requests. Default: none.",
    ).optional(),
    rps: wholeNumber(
      1,
      100_000,
      "Requests that a pod answers in a second, on average. In Standard mode it needs menagerie:prometheus and KEDA. Unit: requests/s. Default: none.",
    ).optional(),
    cpu: wholeNumber(
      1,
      100,
      "Share of its CPU that a pod uses, on average. Standard mode only; it needs the cluster's metrics API. Unit: percent of resources.cpu. Default: none.",
    ).optional(),
  },
  "write {concurrency: 8}, {rps: 20} or {cpu: 70}",
  "What the autoscaler keeps each pod at, by one key. Default: cpu: 80 in Standard mode, Knative's own target in Knative mode.",
).refine((given) => Object.keys(given).length === 1, {
  // A misspelt key has an error of its own.
  when: ({ issues }) => issues.length === 0,
  error: ({ input }) => {
    const keys = Object.keys(input as object);
    const problem = keys.length === 0 ? "is empty" : `has ${keys.join(" and ")}`;
    return wrong(problem, "give one of concurrency, rps and cpu");
  },
});

export const replicas = mapping(
  {
    min: wholeNumber(
      0,
      1000,
      "Pods that always run. 0: the model sleeps while nobody uses it, and the next request wakes it. Unit: pods. Default: 1.",
    ).default(1),
    max: wholeNumber(
      1,
      1000,
      "Pods at most. Equal to `min`: no autoscaling. Unit: pods. Default: `min`, and at least 1.",
    ).optional(),
    target: target.optional(),
    idleMinutes: wholeNumber(
      1,
      1440,
      "With `min: 0`: the model sleeps after so long without a request. At most 60 in Knative mode. Unit: minutes. Default: 15 in Standard mode, Knative's own time in Knative mode.",
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
        ? wrong(`${String(input)} is not text`, `put it in quotes: "${String(input)}"`)
        : wrong("is not text", "give a string in quotes"),
  }),
  'write {FACTOR: "2"}',
  "Environment variables of the model's container. Values are text. Not for secrets. Default: none.",
).default({});

/** As Kubernetes' names, for it is the route's and begins the InferenceServices'. */
export const shadowDeploymentName = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;

const versionIdExpected = wrong("is not a version's id", "give one that `menagerie rollout` shows, in quotes");

/** Any JSON. */
const body = (description: string) =>
  z
    .unknown()
    .refine((value) => value !== undefined, { error: wrong("missing", "give JSON") })
    .meta({ description });

const smokeCase = mapping(
  {
    input: body("Body of the prediction."),
    output: body("Body of the answer. Keys that it does not name may be there too."),
    tolerance: z
      .number({ error: wrong("is not allowed", "use a number from 0") })
      .min(0, { error: wrong("is not allowed", "use a number from 0") })
      .meta({ description: "Largest absolute difference of a number from the expected one. Default: 0." })
      .default(0),
  },
  "write {input: …, output: …}",
  "One input with its expected output.",
);

const bake = mapping(
  {
    minutes: wholeNumber(
      0,
      525_600,
      "How long the new version serves everybody before the old one may be removed. Unit: minutes. Default: 2880, two days.",
    ).default(2880),
    smoke: flag(
      "Whether the smoke set must pass again, on the new version, before `done` removes the old one. Default: true.",
    ).default(true),
  },
  "write {minutes: 2880}",
  "What `done` waits for.",
);

const zooEntry = mapping(
  {
    truss: trussFolder,
    phase: choice(
      phases,
      "Phase of the model's rollout: off, copy (deployed as <model>_copy), version (new apps use it), forward (existing apps move), bake (watched), done, and reverted (back to the old version). Without `from`: off, version or done.",
    ),
    from: z
      .union([z.string(), z.number()], { error: versionIdExpected })
      .transform(String)
      .refine((id) => /^[^\s"]{1,64}$/.test(id), { error: versionIdExpected })
      .meta({
        description:
          "Id of the version that the rollout leaves, as `menagerie rollout` shows it; that version is served until the rollout is done. Default: none, the content is deployed directly.",
      })
      .optional(),
    hash: text(
      /^[0-9a-f]{64}$/,
      "give the content hash of a registered version, 64 hex digits, or remove the key",
      "Content hash that is served, whatever the folder holds: the image of its registered version is used, and the folder is read only where there is none. Default: the folder's.",
    ).optional(),
    smoke: z
      .union([z.array(smokeCase), z.string()], {
        error: wrong(
          "is not a list of cases",
          "write [{input: …, output: …}], or the name of a file in the truss folder",
        ),
      })
      .refine((value) => value.length > 0, {
        error: wrong("is empty", "write [{input: …, output: …}], or remove the key"),
      })
      .meta({
        description:
          "Inputs with the outputs that they must have: tried on the copy, and the evidence that `forward` asks for. A list, or a YAML file in the truss folder. Default: smoke.yaml in the truss folder, if it is there.",
      })
      .optional(),
    shadow: mapping(
      {
        deployment: text(
          shadowDeploymentName,
          "give the name of a deployment under menagerie:shadows",
          "Name of a deployment under menagerie:shadows that declares a gate; its primary has the old content, the shadow the new one, with the variables of this model.",
        ),
        shadow: text(
          shadowDeploymentName,
          "give the name of one of the deployment's shadows",
          "Name of the shadow. Default: the only one.",
        ).optional(),
      },
      "write {deployment: <name>}",
      "Shadow deployment whose gate must be met before `forward` moves apps, as `menagerie compare --record` found. Default: none.",
    ).optional(),
    apps: targetApps,
    traffic: wholeNumber(
      0,
      100,
      "Requests to the model's own route that the new version answers, in phases `version` and `forward`; the others go to the old version, which stays current until it is 100. Apps move by `share` instead. Unit: percent. Default: 100.",
    ).optional(),
    by: text(
      /^[A-Za-z][A-Za-z0-9-]*$/,
      "write cookie, or the name of a header such as x-user",
      "What keeps a client on one side: cookie, a cookie that the gateway sets, while `traffic` stays; or the name of a request header, whose value decides, also while `traffic` rises (only with `gateway.api: istio`, from Istio 1.28 on). Default: each request is drawn by itself.",
    ).optional(),
    mirror: number(
      0.01,
      100,
      "In phase `copy`: so much of the requests to the model itself is copied to the copy, whose answers nobody gets. Both are recorded, so that their answers are compared; needs `recording`. Unit: percent. Default: none.",
    ).optional(),
    share: wholeNumber(
      1,
      100,
      "Organizations whose apps `forward` moves. A larger share holds those of a smaller one. Unit: percent. Default: 100.",
    ).default(100),
    rowsPerSecond: wholeNumber(
      1,
      1_000_000,
      "Apps that are moved in a second at most. Unit: rows/s. Default: as fast as short transactions go.",
    ).optional(),
    leave: listOf(
      z
        .union([z.string(), z.number()], {
          error: wrong("is no app's id", "give those that `menagerie app list` shows, in quotes"),
        })
        .transform(String),
      'write ["6"]',
      "Apps that stay on the old version, to which their owners pointed them back: `bake` and `done` do not wait for them, and the version is served while they use it. By their ids in `menagerie app list`, or in the table of menagerie:migrationTarget where `apps` names the rollout's versions there. Default: none.",
    ).default([]),
    paused: flag("Whether apps stay where they are for now, in the middle of a move too. Default: false.").default(
      false,
    ),
    revert: choice(
      ["journaled", "all"],
      "What `reverted` moves back: journaled (the apps that `forward` moved and that still point where it put them) or all (every app that points at the new version). Default: journaled.",
    ).default("journaled"),
    bake: bake.prefault({}),
    recording: recording.optional(),
    judge: judge.optional(),
    proof: proof.optional(),
    maxTokens: wholeNumber(
      1,
      10_000_000,
      "Tokens of the model's longest answer: reserved of token limits for a request that does not say how long its answer may be, and for each that comes by the gateway. Unit: tokens. Default: 4096.",
    ).optional(),
    paths: ownPaths,
    pool: poolName,
    replicas: replicas.prefault({}),
    resources: resources.prefault({}),
    env: environmentVariables,
    state: flag(
      "Whether the model works in the release's state (menagerie:state): it gets the release's variables, VERSION among them, and the login of its state, and its pods start anew with each release. Default: false; it gets the variables that every release has, and goes on when the release changes.",
    ).default(false),
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
