import { buildRefusals } from "../adapters/builds/refusals.ts";
import { kubernetesRefusals } from "../adapters/kubernetes/refusals.ts";
import { postgresRefusals } from "../adapters/postgres/refusals.ts";
import { releaseStateRefusals } from "../adapters/postgres/releaseState/refusals.ts";
import { zooRefusals } from "../adapters/postgres/zoo/refusals.ts";
import { adaptersRefusals } from "../adapters/refusals.ts";
import { trussFilesRefusals } from "../adapters/truss/refusals.ts";
import { bisectCommandRefusals } from "../cli/bisect/refusals.ts";
import { commandsRefusals } from "../cli/commands/refusals.ts";
import { rolloutRefusals } from "../cli/commands/rollout/refusals.ts";
import { proveRefusals } from "../cli/prove/refusals.ts";
import { cliRefusals } from "../cli/refusals.ts";
import { tryRefusals } from "../cli/trial/refusals.ts";
import { upRefusals } from "../cli/up/refusals.ts";
import { batchRefusals } from "../domain/batch/refusals.ts";
import { bisectRefusals } from "../domain/bisect/refusals.ts";
import { pushedRefusals } from "../domain/development/refusals.ts";
import { engineStateRefusals } from "../domain/engineStateRefusals.ts";
import { patchRefusals } from "../domain/patch/refusals.ts";
import type { RefusalTable } from "../domain/refusals/entry.ts";
import { refusals } from "../domain/refusals/table.ts";
import { releaseRefusals } from "../domain/release/refusals.ts";
import { sampleRefusals } from "../domain/samples/refusals.ts";
import { trialRefusals } from "../domain/trial/refusals.ts";
import { trussRefusals } from "../domain/truss/refusals.ts";
import { uploadRefusals } from "../domain/uploads/refusals.ts";
import { advanceRefusals } from "../domain/zoo/advanceRefusals.ts";
import { environmentRefusals } from "../environment/refusals.ts";
import { localRefusals } from "../local/refusals.ts";
import { toolchainRefusals } from "../local/toolchain/refusals.ts";
import { localTrialRefusals } from "../local/trial/refusals.ts";
import { providerRefusals } from "../providers/refusals.ts";
import { serviceRefusals } from "../services/refusals.ts";

/**
 * Every table of refusals, for the reference. Each stands beside the code that throws from it; a test finds one that is missing here.
 */
export const tables: readonly RefusalTable[] = [
  refusals,
  trussRefusals,
  trussFilesRefusals,
  buildRefusals,
  pushedRefusals,
  uploadRefusals,
  sampleRefusals,
  batchRefusals,
  patchRefusals,
  releaseRefusals,
  trialRefusals,
  bisectRefusals,
  bisectCommandRefusals,
  releaseStateRefusals,
  zooRefusals,
  postgresRefusals,
  kubernetesRefusals,
  adaptersRefusals,
  providerRefusals,
  environmentRefusals,
  serviceRefusals,
  upRefusals,
  engineStateRefusals,
  rolloutRefusals,
  advanceRefusals,
  commandsRefusals,
  proveRefusals,
  cliRefusals,
  tryRefusals,
  localRefusals,
  toolchainRefusals,
  localTrialRefusals,
];
