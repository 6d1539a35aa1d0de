import * as z from "zod";
import { choice, cpuQuantity, listOf, mapping, memoryQuantity, namesTo, text, wholeNumber } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

/** Pool of the environment's ordinary nodes. It always exists and is never declared. */
export const builtInPool = "cpu";

/** A qualified label key (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/). */
const labelKey = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

const gpu = mapping(
  {
    kind: text(
      /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
      "give the GPU's short name, such as t4 or a10g",
      "The GPU, as Karpenter's label instance-gpu-name says it.",
    ),
    perNode: wholeNumber(1, 16, "GPUs of each node. Unit: whole GPUs."),
  },
  "write {kind: t4, perNode: 1}",
  "The GPUs of each node.",
);

const taint = mapping(
  {
    key: text(labelKey, "give a label key such as team.example.com/dedicated", "Taint key."),
    value: text(labelValue, "use at most 63 letters, digits, - _ and .", "Taint value. Default: empty.").default(""),
    effect: choice(
      ["NoSchedule", "PreferNoSchedule", "NoExecute"],
      "What happens to pods that do not tolerate the taint.",
    ),
  },
  "write {key: dedicated, value: research, effect: NoSchedule}",
  "A taint that the pool's nodes get beside nvidia.com/gpu, and that the models of the pool tolerate.",
);

const pool = mapping(
  {
    gpu,
    replicas: wholeNumber(
      0,
      1000,
      "Fixed number of nodes (static capacity). Not together with `limits`. Unit: nodes. Default: none, nodes come and go with demand.",
    ).optional(),
    limits: mapping(
      { gpus: wholeNumber(1, 10000, "GPUs of all nodes together. Unit: whole GPUs.") },
      "write {gpus: 8}",
      "Bounds of a pool whose nodes come and go with demand. Default: none.",
    ).optional(),
    instanceTypes: listOf(
      text(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, "give an EC2 instance type such as g4dn.xlarge", "An EC2 instance type."),
      "give at least one instance type, or leave the key out",
      "EC2 instance types to choose from. Default: every type with these GPUs. Not with the local node class.",
    ).optional(),
    zones: listOf(
      text(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, "give an availability zone such as eu-central-1a", "An availability zone."),
      "give at least one zone, or leave the key out",
      "Availability zones to choose from. Default: those of the subnets. Not with the local node class.",
    ).optional(),
    capacity: mapping(
      {
        cpu: cpuQuantity("CPU of each node. Unit: cores. Default: 16.").prefault("16"),
        memory: memoryQuantity("Memory of each node. Unit: bytes with a suffix. Default: 64Gi.").default("64Gi"),
      },
      'write {cpu: "16", memory: "64Gi"}',
      "What each node of a local pool offers besides its GPUs. Only with the local node class.",
    ).optional(),
    taints: z
      .array(taint, { error: wrong("is not a list", "write one taint per line, each with key and effect") })
      .meta({ description: "Further taints. Default: none." })
      .default([]),
  },
  "write {gpu: {kind: t4, perNode: 1}, replicas: 1}",
  "One pool of nodes with GPUs.",
);

export const pools = namesTo(
  /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/,
  "use at most 32 lower-case letters, digits and dashes, such as t4",
  pool,
  "write {<pool>: {gpu: {kind: t4, perNode: 1}, replicas: 1}}",
  "GPU node pools by name. The pool `cpu` is built in: the environment's ordinary nodes. Default: none.",
).default({});

const selector = (what: string) =>
  namesTo(
    /^.{1,128}$/,
    "use a tag key of 1 to 128 characters",
    z.string({ error: wrong("is not text", "give the tag's value in quotes") }),
    "write {<tag>: <value>}",
    `Tags that the nodes' ${what} carry.`,
  ).refine((tags) => Object.keys(tags).length > 0, {
    error: wrong("is empty", "give at least one tag, such as {karpenter.sh/discovery: <cluster>}"),
  });

const ec2 = mapping(
  {
    kind: choice(["ec2"], "EC2 instances by Karpenter's AWS provider."),
    role: text(/^[A-Za-z0-9+=,.@_-]{1,64}$/, "give the IAM role's name, not its ARN", "IAM role of the nodes."),
    amiAlias: text(
      /^[a-z0-9]+@([a-z0-9.-]+)$/,
      "give family@version, such as al2023@v20260610",
      "Machine image as Karpenter's alias. A pinned version makes nodes change only when this line does.",
    ),
    subnetSelector: selector("subnets"),
    securityGroupSelector: selector("security groups"),
  },
  "write {kind: ec2, role: …, amiAlias: …, subnetSelector: …, securityGroupSelector: …}",
  "EC2 instances by Karpenter's AWS provider.",
);

/** Where nodes come from. */
export const nodeClass = z
  .union([z.literal("local"), z.literal("kwok"), ec2], {
    error: ({ input }) =>
      wrong(
        input === undefined ? "missing" : `${JSON.stringify(input)} is not allowed`,
        "use local, kwok or {kind: ec2, …}",
      ),
  })
  .meta({
    description:
      'Where nodes come from: "local" (processes of this machine), EC2, or "kwok" (a rehearsal: Karpenter\'s kwok provider makes Node objects). Default: local.',
  })
  .default("local");
