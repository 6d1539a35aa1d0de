import { judgeReadiness } from "../domain/serving/readiness.ts";
import { type DeploymentMode, readyPath } from "../domain/serving/servedModel.ts";
import { type SmokeCase, suiteOf } from "../domain/zoo/smoke.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { asDeployer } from "../providers/databaseServer.ts";
import type { Due, Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";

export interface SmokeTestInputs extends DatabaseInput, Due {
  /** Name of the zoo model, without `_copy`. */
  readonly model: string;
  /** Content that answers. */
  readonly hash: string;
  readonly namespace: string;
  /** Name of the InferenceService, which is asked itself: no route leads to what was not tried. */
  readonly service: string;
  /**
   * Which part of it takes requests: the recorder in front of it, where it has one.
   * @default predictor
   */
  readonly component?: "predictor" | "transformer" | undefined;
  readonly mode: DeploymentMode;
  /**
   * Where the services are, for a version that may sleep: it is asked by way of the API service, which wakes it.
   * @default it never sleeps
   */
  readonly front?: { readonly servicesNamespace: string } | undefined;
  /** Context of the ambient kubeconfig. @default its current one */
  readonly context?: string | undefined;
  /** Of what answers; a new one is tried again. */
  readonly revision: string;
  readonly cases: readonly SmokeCase[];
  /** How long it may take until something answers, in seconds. */
  readonly timeoutSeconds: number;
}

export interface SmokeTestOutputs extends SmokeTestInputs {
  /** Id of the evidence. */
  readonly evidenceId: string;
  /** SHA-256 of the evidence. */
  readonly evidenceHash: string;
}

/** Tries a deployed content with a smoke set and stores what it answered. Deleting it leaves the evidence. */
export const smokeTest: Handler<SmokeTestInputs, SmokeTestOutputs> = {
  inputs: {
    model: "replace",
    hash: "update",
    namespace: "update",
    service: "update",
    component: "update",
    mode: "update",
    front: "ignore",
    revision: "update",
    cases: "update",
    context: "ignore",
    timeoutSeconds: "ignore",
    database: "ignore",
  },
  async create(inputs) {
    const outs = await test(inputs);
    return { id: outs.evidenceId, outs };
  },
  update: (_id, _olds, news) => test(news),
};

async function test(inputs: SmokeTestInputs): Promise<SmokeTestOutputs> {
  const { recordEvidence } = await import("../adapters/postgres/zoo/gateEvidence.ts");
  const { runSmokeSet } = await import("../adapters/predictions/smoke.ts");
  const { ambientKubeConfig, observeModel, postToModel } = await import("../adapters/kubernetes/workloads.ts");
  const { model, hash, namespace, service, component, mode, revision, front } = inputs;
  const { context, cases, timeoutSeconds } = inputs;
  const address = { config: ambientKubeConfig(context), namespace, name: service, component };
  const send = (body: unknown, signal: AbortSignal) =>
    postToModel(address, { path: `${readyPath}:predict`, mode, revision, body, front }, signal);
  const standing = async (signal: AbortSignal) =>
    judgeReadiness({ revision, mode }, await observeModel(address, signal));
  const results = await untilTerminated((signal) => runSmokeSet({ send, standing, cases, timeoutSeconds, signal }));
  const failed = results.filter(({ differences }) => differences.length > 0);
  const { id, evidenceHash } = await asDeployer(inputs, (client) =>
    recordEvidence(client, {
      model,
      hash,
      kind: "smoke",
      suite: suiteOf(cases),
      passed: failed.length === 0,
      evidence: { service: `${namespace}/${service}`, revision, results },
    }),
  );
  const [first] = failed;
  if (first) {
    throw refuse("smoke.failed", {
      model,
      failed: failed.length,
      all: cases.length,
      name: first.name,
      differences: first.differences.slice(0, 3).join("; "),
    });
  }
  console.log(`${model}: all ${cases.length} smoke cases pass (evidence ${evidenceHash.slice(0, 12)})`);
  return { ...inputs, evidenceId: id, evidenceHash };
}
