import { html, type Markup } from "../page/markup.ts";
import type { DeploymentRange } from "../release/record.ts";
import { releasesReport } from "../release/timeline/report.ts";
import { printedBy } from "./frame.ts";

/** Deployments on the page. */
export const releasesShown = 25;
/** Nobody reads a picture of a thousand models. */
const modelsShown = 12;

/** Which combination was deployed when, as `menagerie releases timeline` writes it to a file. */
export function releasesPage(
  ranges: readonly DeploymentRange[],
  { suffix }: { readonly suffix: string },
  now: Date,
): Markup {
  return html`${releasesReport(ranges, { now: now.getTime(), rows: releasesShown, models: modelsShown })}
${printedBy(`menagerie releases${suffix}`)}`;
}
