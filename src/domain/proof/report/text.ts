import { counted } from "../../counted.ts";
import type { ModelProof, ProofResult } from "../result.ts";
import { verdictNames } from "../verdict.ts";
import { changeText, measures, proofHeadline, revisionText, valueText } from "./lines.ts";

/** A proof as a terminal shows it. */
export function describeProof(result: ProofResult): string {
  return [
    `${revisionText(result.head)} against ${revisionText(result.base)}, stack ${result.stack}`,
    ...result.models.flatMap((model) => ["", ...modelLines(model)]),
    ...(result.notes.length > 0 ? ["", ...result.notes.map((note) => `note: ${note}`)] : []),
    "",
    proofHeadline(result),
  ].join("\n");
}

function modelLines(model: ModelProof): string[] {
  const { name, verdict, because, answers, samples, rules, isRedacted } = model;
  const smallest = answers?.smallest ?? [];
  return [
    `${name}: ${verdictNames[verdict]}`,
    ...because.map((each) => `  ${each}`),
    ...smallest.flatMap((request) => [
      `  request ${request.id}, ${counted(request.bytes, "byte")}:`,
      ...request.differences.map(({ at, old, new: fresh }) =>
        isRedacted ? `    ${at}: ${valueText(old)} → ${valueText(fresh)}` : `    ${at}`,
      ),
    ]),
    `  changed: ${changeText(model)}`,
    ...measures(model).map(([what, old, fresh]) => `  ${what.padEnd(12)} ${old === fresh ? old : `${old} → ${fresh}`}`),
    ...samples.map(({ place, requests }) => `  sample: ${place}, ${counted(requests, "request")}`),
    ...(rules.text === "" ? [] : [`  rules: ${rules.text}`]),
  ];
}
