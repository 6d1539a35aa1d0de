import type { DeploymentRange } from "../record.ts";

/** One band of a lane. Times in milliseconds since 1970. */
export interface Band {
  readonly label: string;
  readonly title: string;
  /** What has the same colour wherever it comes again. */
  readonly content: string;
  readonly from: number;
  readonly to: number;
  /** Not as it was intended. */
  readonly mixed: boolean;
}

/** What one thing was over time. */
export interface Lane {
  readonly name: string;
  readonly kind: "release" | "model";
  readonly bands: readonly Band[];
}

/**
 * Lanes of one environment: its releases, then each model in the order of names.
 * @param ranges of the environment, the oldest first
 * @param end of what is current
 */
export function lanesOf(ranges: readonly DeploymentRange[], end: number): Lane[] {
  const to = ({ until }: DeploymentRange): number => until?.getTime() ?? end;
  const releases = ranges.map((range) => ({
    content: range.tag,
    from: range.since.getTime(),
    to: to(range),
    mixed: range.outcome === "mixed",
    label: `${wentBack(ranges, range) ? "↩ " : ""}${range.tag}`,
    title: `${range.tag}, ${range.outcome}, ${range.requestedBy}`,
  }));
  const names = [...new Set(ranges.flatMap(({ models }) => models.map(({ name }) => name)))].sort();
  const models = names.map((name) => ({
    name,
    kind: "model" as const,
    bands: joined(
      ranges.flatMap((range) => {
        const model = range.models.find((each) => each.name === name);
        if (!model) return [];
        const label = model.version === null ? "?" : `v${model.version}`;
        const content = `${name} ${label} ${(model.hash ?? model.source).slice(0, 24)}`;
        return [{ label, title: content, content, from: range.since.getTime(), to: to(range), mixed: false }];
      }),
    ),
  }));
  return [{ name: "release", kind: "release", bands: joined(releases) }, ...models];
}

/** Whether a deployment brought back a release that another had taken the place of. */
export function wentBack(ranges: readonly DeploymentRange[], range: DeploymentRange): boolean {
  const at = ranges.indexOf(range);
  const before = ranges.slice(0, at);
  return before.some(({ tag }) => tag === range.tag) && before.at(-1)?.tag !== range.tag;
}

/** Bands of the same content that touch are one. */
function joined(bands: readonly Band[]): Band[] {
  const result: Band[] = [];
  for (const band of bands) {
    const last = result.at(-1);
    if (last && last.content === band.content && last.to === band.from && last.mixed === band.mixed)
      result[result.length - 1] = { ...last, to: band.to };
    else result.push(band);
  }
  return result;
}
