import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inTransaction } from "../../adapters/postgres/transaction.ts";
import { recordEvidence } from "../../adapters/postgres/zoo/gateEvidence.ts";
import { messageOf } from "../../domain/errors.ts";
import { inconsistency } from "../../domain/proof/consistency.ts";
import { isProven, type ModelProof, type ProofResult, proofResult } from "../../domain/proof/result.ts";
import { type ChangedSubject, changesBetween } from "../../domain/proof/subjects.ts";
import type { ProofRisk } from "../../domain/proof/tally.ts";
import { boundsHash, judgeAnswers } from "../../domain/proof/verdict.ts";
import { contentVersion } from "../../domain/shadow/evidence.ts";
import { proofGate } from "../../domain/zoo/proofGate.ts";
import type { Evidence } from "../../domain/zoo/registry.ts";
import { sampleHashes } from "../../plan/proofSamples.ts";
import { asOperator } from "../operatorDatabase.ts";
import { refuse } from "./refusals.ts";
import { type BothRevisions, withRevisions } from "./revisions.ts";

/** Evidence that was stored, or that the result is none for a model, and why. */
export interface RecordedProof {
  readonly model: string;
  readonly recorded: { readonly passed: boolean; readonly hash: string } | { readonly because: string };
}

/**
 * Stores the result of a proof as evidence for the rollouts of its models.
 *
 * @throws OperatorError as {@link evidenceOfFile} does.
 */
export async function recordProof(
  file: string,
  { stack, environment }: { readonly stack: string; readonly environment: string },
  workTree?: string,
): Promise<readonly RecordedProof[]> {
  const checked = await evidenceOfFile(file, stack, workTree);
  const evidence = checked.flatMap((each) => ("evidence" in each ? [each.evidence] : []));
  if (evidence.length > 0) {
    await asOperator(environment, (client) =>
      inTransaction(client, async () => {
        for (const each of evidence) await recordEvidence(client, each);
      }),
    );
  }
  return checked.map((each) => {
    if ("because" in each) return { model: each.model, recorded: { because: each.because } };
    const { model, passed, hash } = each.evidence;
    return { model, recorded: { passed, hash } };
  });
}

/** What a model's result is evidence for; or why it is none. */
export type CheckedProof = { readonly evidence: Evidence } | { readonly model: string; readonly because: string };

/**
 * Reads the result of a proof. Nothing in the file is believed that the repository can tell: both commits are read again, every hash
 * in the file must be theirs, and verdicts are judged again from their numbers. No code of either commit is run.
 *
 * @param workTree - folder of Pulumi.yaml in a checkout. @default that of this program
 * @throws OperatorError where the file is not the result of a proof of this stack, or says something else than the commits.
 */
export async function evidenceOfFile(file: string, stack: string, workTree?: string): Promise<readonly CheckedProof[]> {
  const result = await readResult(file, stack);
  const { base, head } = result;
  if (base.commit === null || head.commit === null || head.revision === null) {
    throw refuse("prove.record-uncommitted", { file });
  }
  const revisions = { stack, base: base.commit, head: head.commit };
  return withRevisions(revisions, async (both) => evidenceIn(result, both, file), workTree);
}

async function readResult(file: string, stack: string): Promise<ProofResult> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refuse("prove.result-unreadable", { file, reason: messageOf(error) }, error);
  });
  const json = jsonOf(text);
  if (json === undefined) throw refuse("prove.result-wrong", { file, place: "the file", reason: "it is not JSON" });
  const read = proofResult.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw refuse("prove.result-wrong", {
      file,
      place: issue?.path.join(".") || "the file",
      reason: issue?.message ?? "",
    });
  }
  if (read.data.stack !== stack) throw refuse("prove.result-of-other", { file, found: read.data.stack, stack });
  return read.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function evidenceIn(result: ProofResult, { base, head }: BothRevisions, file: string): readonly CheckedProof[] {
  const { changed } = changesBetween(base.subjects, head.subjects);
  const { risk } = result;
  return result.models.map((model): CheckedProof => {
    const { kind, name } = model;
    if (kind !== "zoo") return { model: name, because: "only rollouts of zoo models ask for evidence" };
    const change = changed.find((each) => each.new.kind === "zoo" && each.new.name === name);
    const other = change
      ? contradiction(model, change, { risk, project: base.project })
      : "it does not differ between the two commits";
    if (!change || other !== undefined) throw refuse("prove.result-untrue", { file, name, other: other ?? "" });
    const { samples, ...proven } = model;
    if (model.answers === null || samples.some((each) => each.file === null) || samples.length === 0)
      return {
        model: name,
        because: `it was ${model.answers === null ? "not asked" : "asked samples that the base does not keep"}`,
      };
    const { suite } = proofGate({
      old: model.old.version,
      new: model.new.version,
      samples: samples.flatMap((each) => each.file ?? []),
      bounds: change.old,
    });
    const { smallest: _, ...answers } = model.answers;
    const { models: _models, notes: _notes, ...about } = result;
    return {
      evidence: {
        model: name,
        hash: model.new.hash,
        kind: "proof",
        suite,
        passed: isProven({ models: [model] }),
        // No part of any request or answer is kept for good.
        evidence: { ...about, ...proven, samples, answers },
      },
    };
  });
}

/** What the file says otherwise than the commits, or than its own numbers; undefined where it is true. */
function contradiction(
  model: ModelProof,
  { old, new: fresh }: ChangedSubject,
  { risk, project }: { readonly risk: ProofRisk; readonly project: string },
): string | undefined {
  for (const side of ["old", "new"] as const) {
    const { hash, env } = side === "old" ? old : fresh;
    if (model[side].hash !== hash) return `its ${side} content is ${hash.slice(0, 12)}`;
    if (model[side].version !== contentVersion(hash, env)) return `its ${side} environment is another`;
  }
  if (model.rules.hash !== boundsHash(old)) return "the base declares other rules";
  const kept = sampleHashes(project, old.recordedAs);
  if (model.samples.some(({ file }) => file !== null && !kept.includes(file)))
    return "a sample is not one that the base keeps";
  if (model.samples.some(({ file }) => file !== null) && model.samples.length !== kept.length)
    return `the base keeps ${kept.length} samples of it in ${join("samples", old.recordedAs)}`;
  if (model.answers === null) return undefined;
  const latency = { old: model.old.latency, new: model.new.latency };
  const answers = { ...model.answers, latency };
  const { verdict } = judgeAnswers(answers, old);
  return inconsistency(answers, risk) ?? (verdict === model.verdict ? undefined : `its numbers say ${verdict}`);
}
