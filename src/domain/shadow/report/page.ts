import { document } from "../../page/document.ts";
import { html } from "../../page/markup.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { type ReportSubject, reportBodies, reportCounts, reportFoot, reportHead } from "./sections.ts";
import { style } from "./style.ts";

/**
 * The comparison as one static HTML page: no script, no network, both colour schemes. It is what the console shows of it, in a file.
 *
 * @param conversations - of pairs that differ. @default none are shown
 */
export function reportPage(
  subject: ReportSubject,
  result: ComparisonResult,
  conversations: readonly Conversation[] = [],
): string {
  const { deployment, primary, shadow } = subject;
  const main = html`${reportHead(subject, result)}
${reportCounts(result, "shown")}
${reportBodies(result, conversations)}
${reportFoot(subject)}`;
  return document({ title: `${shadow.name} against ${primary.name}: ${deployment}`, style, main });
}
