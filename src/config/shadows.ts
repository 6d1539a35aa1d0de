import * as z from "zod";
import { parseFieldPath } from "../domain/shadow/fieldPath.ts";
import { textComparisons } from "../domain/shadow/texts/rules.ts";
import { alternatives, choice, flag, listOf, mapping, namesTo, number, text, wholeNumber } from "./fields.ts";
import { ownPaths } from "./ownPaths.ts";
import { redact } from "./redact.ts";
import { wrong } from "./schemaClause.ts";
import {
  deploymentModes,
  shadowDeploymentName as deploymentName,
  environmentVariables,
  poolName,
  replicas,
  resources,
  trussFolder,
} from "./zoo.ts";

const fieldPath = z
  .string({ error: wrong("is not a path", "write one such as results[*].score") })
  .refine((path) => parseFieldPath(path) !== undefined, {
    error: ({ input }) => wrong(`${JSON.stringify(input)} is not a path`, "write one such as results[*].score"),
  })
  .meta({ description: "A place in an answer: results[*].score, [0], $ for the whole." });

const tolerance = mapping(
  {
    absolute: number(0, Number.MAX_VALUE, "Largest difference, in the field's own unit. Default: 0.").optional(),
    relative: number(0, 1, "Largest difference, as a share of the larger of the two numbers. Default: 0.").optional(),
  },
  "write {relative: 0.001}",
  "How far two numbers may be apart and still count as equal: either bound suffices.",
);

/** Which keys say something beside `as`. */
const ofComparison: Readonly<Record<(typeof textComparisons)[number], readonly string[]>> = {
  exact: [],
  normalized: ["ignoreCase"],
  numbers: ["tolerance", "ignoreWords", "ignoreCase"],
  json: [],
  contains: ["phrases", "ignoreCase"],
};

const textRule = mapping(
  {
    as: choice(
      textComparisons,
      "exact: every character counts. normalized: Unicode's form and white space do not. numbers: those in the text by a tolerance, the words between them as normalized. json: the JSON in it, bare or fenced. contains: the primary's text is in the shadow's.",
    ),
    tolerance: tolerance.optional(),
    ignoreWords: flag("Of numbers: the words between them do not count. Default: false.").optional(),
    ignoreCase: flag(
      "Of normalized, numbers and contains: capital and small letters are the same. Default: false.",
    ).optional(),
    phrases: listOf(
      z
        .string({ error: wrong("is not text", "write [refund, 30 days]") })
        .regex(/\S/, { error: wrong("is empty", "write a phrase") }),
      "write [refund, 30 days], or remove the key",
      "Of contains: both texts hold the same ones of these. Default: the primary's text is in the shadow's.",
    ).optional(),
  },
  "write {as: normalized}",
  "How texts at and below the path are compared.",
).superRefine((rule, context) => {
  for (const key of Object.keys(rule)) {
    if (key === "as" || ofComparison[rule.as].includes(key)) continue;
    const others = textComparisons.filter((each) => ofComparison[each].includes(key));
    const message = wrong(
      `says nothing about texts compared as ${rule.as}`,
      `remove it, or use as: ${alternatives(others)}`,
    );
    context.addIssue({ code: "custom", path: [key], message });
  }
});

const compare = mapping(
  {
    tolerance: tolerance.optional(),
    tolerances: z
      .record(fieldPath, tolerance, {
        error: wrong("is not a mapping of paths", "write {results[*].score: {absolute: 0.01}}"),
      })
      .meta({ description: "Tolerances of single fields and what is below them, by path. Default: none." })
      .optional(),
    ignore: listOf(
      fieldPath,
      "write [took_ms], or remove the key",
      "Fields that are not compared. Default: none.",
    ).optional(),
    unordered: listOf(
      fieldPath,
      "write [tags], or remove the key",
      "Lists whose order does not matter. Default: none.",
    ).optional(),
    texts: z
      .record(fieldPath, textRule, {
        error: wrong("is not a mapping of paths", 'write {"choices[*].message.content": {as: normalized}}'),
      })
      .meta({
        description:
          "How texts are compared, by path: at and below it. Default: every character counts, and of a tool call's arguments the JSON.",
      })
      .optional(),
  },
  "write {tolerance: {relative: 0.001}}",
  "What counts as a difference between two answers. Default: everything.",
);

const gate = mapping(
  {
    minPairs: wholeNumber(1, 1_000_000_000, "Pairs that must have been compared. Unit: pairs. Default: 1000.").default(
      1000,
    ),
    maxMismatch: number(0, 1, "Share of pairs that may differ by more than noise. 0 to 1. Default: 0.01.").default(
      0.01,
    ),
    confidence: number(
      0.5,
      0.9999,
      "With which the true share is not above maxMismatch. 0.5 to 0.9999. Default: 0.95.",
    ).default(0.95),
    minCompleteness: number(
      0,
      1,
      "Share of the mirrored requests that must be stored on both sides. 0 to 1. Default: 0.99.",
    ).default(0.99),
    maxNotJudged: number(
      0,
      1,
      "Share of the pairs that may be left without a verdict, such as answers too long to be kept. 0 to 1. Default: 0.",
    ).default(0),
    maxLatencyRatio: number(
      0.01,
      1000,
      "The shadow's 95th percentile divided by the primary's, at most. Default: not judged.",
    ).optional(),
    maxSampled: number(
      0,
      1,
      "Share of the pairs with sampled requests (a temperature and no seed) that may differ, perhaps by chance, because the primary is not known to answer twice the same. 0 to 1. Default: 0.",
    ).optional(),
    maxFirstTokenRatio: number(
      0.01,
      1000,
      "The 95th percentile of the shadow's time to the first token divided by the primary's, at most. Default: not judged.",
    ).optional(),
    minTokensPerSecondRatio: number(
      0.001,
      1000,
      "Tokens per second that the shadow writes at least in 95 % of its streams, divided by the primary's: at least. Default: not judged.",
    ).optional(),
  },
  "write {minPairs: 1000, maxMismatch: 0.01}",
  "What a shadow has to show; judged by `menagerie compare`, and by rollouts that name the deployment. Default: no gate.",
);

const model = {
  truss: trussFolder,
  pool: poolName,
  replicas: replicas.prefault({}),
  resources: resources.prefault({}),
  env: environmentVariables,
};

const primary = mapping(
  {
    ...model,
    mode: choice(
      deploymentModes,
      "KServe deployment mode of the primary; cannot be changed later. Shadows always run in Standard mode. Default: menagerie:serving.mode.",
    ).optional(),
  },
  "write {truss: <folder>}",
  "The model that answers.",
);

const shadow = mapping(model, "write {truss: <folder>}", "A model that gets copies of the requests.");

const shadowDeployment = mapping(
  {
    primary,
    shadows: namesTo(
      deploymentName,
      "use lower-case letters, digits and dashes, starting with a letter, such as candidate",
      shadow,
      "write {<shadow>: {truss: <folder>}}",
      "Models that get copies, by name. At least one.",
    ),
    percent: number(
      0.01,
      100,
      "Share of the requests that are copied to each shadow. Unit: percent. Default: 100.",
    ).default(100),
    noiseFloor: flag(
      "Copy requests to a second primary too, so that what differs by itself is known and does not count. Default: false.",
    ).default(false),
    paths: ownPaths,
    compare: compare.prefault({}),
    gate: gate.optional(),
    retentionDays: wholeNumber(
      1,
      3650,
      "Days that predictions are kept, before today's. Unit: days. Default: 30.",
    ).default(30),
    redact: redact.default([]),
    storeHeaders: listOf(
      text(
        /^[a-z0-9][a-z0-9-]*$/,
        "use a header's name in lower case, such as x-tenant",
        "Name of a request header, in lower case.",
      ),
      "write [x-tenant], or remove the key",
      "Request headers to store besides the usual ones. Those that carry secrets are refused. Default: none.",
    ).default([]),
  },
  "write {primary: {truss: <folder>}, shadows: {<shadow>: {truss: <folder>}}}",
  "One shadow deployment: every request and answer of all its models is stored.",
);

export const shadows = namesTo(
  deploymentName,
  "use lower-case letters, digits and dashes, starting with a letter, such as mirrored-inference",
  shadowDeployment,
  "write {<name>: {primary: {truss: <folder>}, shadows: {<shadow>: {truss: <folder>}}}}",
  "Shadow deployments by name. Default: none.",
).default({});
