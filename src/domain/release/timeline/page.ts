import { document } from "../../page/document.ts";
import { pageStyle } from "../../page/style.ts";
import type { DeploymentRange } from "../record.ts";
import { timelineStyle } from "./picture.ts";
import { releasesReport } from "./report.ts";

/** Rows of each environment's table; the picture has all deployments. */
const rowsShown = 50;

/**
 * The releases of each environment as one static HTML page: no script, no network, both colour schemes. It is what the console shows of them, in a
 * file, with every model in the picture.
 *
 * @param ranges of one environment or several, in any order
 * @param now end of what is current, in milliseconds since 1970
 */
export function timelinePage(ranges: readonly DeploymentRange[], now: number): string {
  const main = releasesReport(ranges, { now, rows: rowsShown });
  return document({ title: "Releases", style: `${pageStyle}${timelineStyle}`, main });
}
