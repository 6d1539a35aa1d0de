import { inTransaction } from "../adapters/postgres/transaction.ts";
import { recordEvidence } from "../adapters/postgres/zoo/gateEvidence.ts";
import { readZooRegistry } from "../adapters/postgres/zoo/registry.ts";
import type { DeployedShadow } from "../domain/shadow/deployed.ts";
import { contentVersion, type ShadowEvidence } from "../domain/shadow/evidence.ts";
import { shadowGate } from "../domain/zoo/shadowGate.ts";
import { asOperator } from "./operatorDatabase.ts";
import { refuse } from "./refusals.ts";

/** A comparison whose evidence a zoo model's rollout is to be judged by. */
export interface RecordedComparison {
  readonly environment: string;
  /** Name of the zoo model. */
  readonly model: string;
  /** Name of the shadow deployment. */
  readonly deployment: string;
  /** As the last `up` left it. */
  readonly deployed: DeployedShadow;
  /** Name of the shadow. */
  readonly shadow: string;
  readonly evidence: ShadowEvidence;
}

/**
 * Stores what a comparison found, met or not, as evidence for the content of the shadow; the latest counts. Answers its
 * hash.
 * @throws OperatorError where the deployment has no gate, and where its primary is not a version of the model.
 */
export async function recordShadowEvidence(comparison: RecordedComparison): Promise<string> {
  const { environment, model, deployment, deployed, shadow, evidence } = comparison;
  const { gate, compare: rules, primary, shadows } = deployed;
  const side = shadows[shadow];
  if (!gate || !side || !evidence.verdict) {
    throw refuse("record.no-gate", { model, deployment });
  }
  const passed = evidence.verdict.met;
  const { kind, suite } = shadowGate(model, { deployment, shadow, version: side.version, gate, rules });
  return asOperator(environment, (client) =>
    inTransaction(client, async () => {
      const versions = (await readZooRegistry(client, [model])).versions.get(model) ?? [];
      if (versions.length === 0) throw refuse("record.model-unknown", { model });
      const served = versions.filter(({ serving }) => serving !== undefined);
      if (!served.some((row) => contentVersion(row.hash, row.serving?.env ?? {}) === primary.version)) {
        throw refuse("record.other-content", { model, deployment, hash: primary.hash.slice(0, 12) });
      }
      const stored = { model, hash: side.hash, kind, suite, passed, evidence: { ...evidence } };
      return (await recordEvidence(client, stored)).evidenceHash;
    }),
  );
}
