import { counted } from "../../counted.ts";
import { code, item, plain, section } from "../../preview/markdown.ts";
import { isProven, type ModelProof, type ProofResult } from "../result.ts";
import { verdictNames } from "../verdict.ts";
import { changeText, measures, proofHeadline, revisionText, valueText } from "./lines.ts";

/** A proof as a part of a pull request's comment. */
export function proofMarkdown(result: ProofResult): string {
  const state = result.models.length === 0 ? "nothing to prove" : isProven(result) ? "proven" : "not proven";
  return [
    `## ${code(result.stack)}: ${state}`,
    plain(`${proofHeadline(result)} Base: ${revisionText(result.base)}.`),
    ...result.models.flatMap(modelSection),
    ...section(
      "Not compared",
      result.notes.map((note) => item(plain(note))),
    ),
    "",
  ].join("\n\n");
}

/** The same where there is no result, such as for a sample that has expired. */
export function refusedMarkdown(stack: string, reason: string): string {
  return [`## ${code(stack)}: no proof`, item(reason.split("\n").map(plain).join("\n")), ""].join("\n\n");
}

function modelSection(model: ModelProof): string[] {
  const { name, verdict, because, answers, samples, rules, isRedacted } = model;
  const table = [
    "| | old | new |",
    "|---|---|---|",
    ...measures(model).map(
      ([what, old, fresh]) => `| ${what} | ${plain(old)} | ${old === fresh ? plain(fresh) : `**${plain(fresh)}**`} |`,
    ),
  ].join("\n");
  const requests = (answers?.smallest ?? []).map((request) =>
    [
      `- request ${code(request.id)}, ${counted(request.bytes, "byte")}`,
      ...request.differences.map(({ at, old, new: fresh }) =>
        isRedacted ? `  - ${code(at)}: ${code(valueText(old))} → ${code(valueText(fresh))}` : `  - ${code(at)}`,
      ),
    ].join("\n"),
  );
  const asked = samples.map(({ place, requests: of }) => item(`sample ${code(place)}: ${counted(of, "request")}`));
  return [
    `### ${plain(name)}: ${verdictNames[verdict]}`,
    because.map((each) => item(plain(each))).join("\n"),
    ...(requests.length > 0 ? [`Smallest requests that show it:\n\n${requests.join("\n")}`] : []),
    table,
    [
      item(`changed: ${plain(changeText(model))}`),
      ...asked,
      ...(rules.text === "" ? [] : [item(`rules: ${plain(rules.text)}`)]),
    ].join("\n"),
  ];
}
