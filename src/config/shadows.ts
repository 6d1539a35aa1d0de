import { compare } from "./comparison.ts";
import { choice, flag, listOf, mapping, namesTo, number, text, wholeNumber } from "./fields.ts";
import { ownPaths } from "./ownPaths.ts";
import { redact } from "./redact.ts";
import {
  deploymentModes,
  shadowDeploymentName as deploymentName,
  environmentVariables,
  poolName,
  replicas,
  resources,
  trussFolder,
} from "./zoo.ts";

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
