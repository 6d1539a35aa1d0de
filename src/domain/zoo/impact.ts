import { counted } from "../counted.ts";
import type { ComparisonResult } from "../shadow/comparisonResult.ts";
import { headlineOf } from "../shadow/headline.ts";
import { count, percent } from "../shadow/readable.ts";
import type { TrafficPath } from "../traffic/outcome.ts";
import type { TrafficSummary } from "../traffic/traffic.ts";

/** From when to when a version may have answered; `until` is null where it may still. */
export interface ImpactWindow {
  readonly since: Date;
  readonly until: Date | null;
}

/** Requests of one version on one path, in one window. */
export interface ImpactRequests extends Pick<TrafficSummary, "requests" | "errors" | "knownSeconds" | "windowSeconds"> {
  /** When the first and the last of them were counted, to the second, or to the minute or hour of old counts; null for none. */
  readonly first: Date | null;
  readonly last: Date | null;
}

/** An app whose predictions the version answered. */
export interface ImpactedApp {
  /** Id of the app's model. */
  readonly id: string;
  readonly name: string;
  readonly organization: string;
  /** From when to when it pointed at the version; null while it does. */
  readonly since: Date;
  readonly until: Date | null;
}

/** A share of the model's own route that the version had. */
export interface ImpactedWeight {
  readonly at: Date;
  /** When the gateway got it; null before that. */
  readonly appliedAt: Date | null;
  readonly weight: number;
  readonly control: number;
  readonly by: string;
}

/** What one version did in one window. */
export interface VersionImpact {
  readonly model: string;
  readonly versionId: string;
  readonly number: number;
  readonly hash: string;
  readonly window: ImpactWindow;
  readonly requests: Readonly<Record<TrafficPath, ImpactRequests>>;
  readonly apps: readonly ImpactedApp[];
  /** In order of time; none where the version had all of the route, or nothing. */
  readonly weights: readonly ImpactedWeight[];
  /** Its answers beside those of the version that the rollout leaves, to the same requests; null where none were recorded, with the reason. */
  readonly compared:
    | (Pick<ComparisonResult, "pairs" | "mismatches" | "mismatchRate" | "outliers"> & { readonly headline: string })
    | null;
  readonly notCompared: string | null;
}

/** What a rollout or a release did. */
export interface Impact {
  /** Such as `rollout iris`, or `release v1.2.0`. */
  readonly subject: string;
  readonly versions: readonly VersionImpact[];
}

/** Sums over versions and windows. */
export interface ImpactTotals {
  readonly requests: number;
  readonly errors: number;
  readonly apps: number;
  readonly organizations: readonly string[];
  readonly first: Date | null;
  readonly last: Date | null;
  readonly pairs: number;
  readonly mismatches: number;
}

export function impactTotals({ versions }: Impact): ImpactTotals {
  const requests = versions.flatMap((version) => Object.values(version.requests));
  const apps = versions.flatMap((version) => version.apps);
  const moments = requests.flatMap(({ first, last }) => (first && last ? [first.getTime(), last.getTime()] : []));
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);
  return {
    requests: sum(requests.map((each) => each.requests)),
    errors: sum(requests.map((each) => each.errors)),
    apps: new Set(apps.map(({ id }) => id)).size,
    organizations: [...new Set(apps.map(({ organization }) => organization))].sort(),
    first: moments.length === 0 ? null : new Date(Math.min(...moments)),
    last: moments.length === 0 ? null : new Date(Math.max(...moments)),
    pairs: sum(versions.map(({ compared }) => compared?.pairs ?? 0)),
    mismatches: sum(versions.map(({ compared }) => compared?.mismatches ?? 0)),
  };
}

export function comparedOf(result: ComparisonResult): NonNullable<VersionImpact["compared"]> {
  const { pairs, mismatches, mismatchRate, outliers } = result;
  return { pairs, mismatches, mismatchRate, outliers, headline: headlineOf(result) };
}

const appsShown = 20;

/** The impact in one sentence. */
export function impactHeadline(impact: Impact): string {
  const { requests, errors, apps, organizations, first, last } = impactTotals(impact);
  if (requests === 0 && apps === 0) return `${impact.subject} answered nothing that was counted.`;
  const when = first && last ? ` between ${moment(first)} and ${moment(last)}` : "";
  const failed = errors === 0 ? "without a failure" : `${count(errors)} of which failed`;
  return `${impact.subject} answered ${requests === 1 ? "1 request" : `${count(requests)} requests`}${when}, ${failed}, and ${counted(apps, "app")} of ${counted(organizations.length, "organization")}.`;
}

/** As a terminal shows it. */
export function describeImpact(impact: Impact): string {
  return [impactHeadline(impact), ...impact.versions.flatMap(describeVersion)].join("\n");
}

function describeVersion(version: VersionImpact): string[] {
  const { model, number, versionId, hash, window, apps, weights, compared, notCompared } = version;
  const until = window.until ? moment(window.until) : "now";
  const names = apps.slice(0, appsShown).map(({ id, name, organization }) => `${name} (${id}) of ${organization}`);
  const more = apps.length > appsShown ? `, and ${count(apps.length - appsShown)} more` : "";
  return [
    "",
    `${model} version ${number} (id ${versionId}, ${hash.slice(0, 12)}), ${moment(window.since)} to ${until}`,
    ...(["route", "app"] as const).map(
      (path) => `  ${pathNames[path].padEnd(12)}${describeRequests(version.requests[path])}`,
    ),
    ...weights.map(
      ({ at, weight, control, by }) =>
        `  ${"traffic".padEnd(12)}${moment(at)}  ${weight} %${control > 0 ? `, ${control} % copied` : ""}, by ${by}`,
    ),
    `  ${"apps".padEnd(12)}${names.length === 0 ? "none" : `${names.join(", ")}${more}`}`,
    `  ${"answers".padEnd(12)}${compared ? compared.headline : `not compared: ${notCompared}`}`,
    ...(compared?.outliers ?? []).map(
      ({ requestId, at, differences: [first] }) =>
        `    ${requestId}  ${moment(new Date(at))}${first ? `  ${first.at}: ${shown(first.primary)} → ${shown(first.shadow)}` : ""}`,
    ),
  ];
}

/** Which requests they are. */
export const pathNames: Readonly<Record<TrafficPath, string>> = { route: "own route", app: "by apps" };

/** Such as `1,204 requests, 3 failed, 14:02 to 15:10`, with how much of the time nobody counted. */
export function describeRequests({
  requests,
  errors,
  first,
  last,
  knownSeconds,
  windowSeconds,
}: ImpactRequests): string {
  const unknown = windowSeconds > 0 ? 1 - knownSeconds / windowSeconds : 0;
  const missing = unknown > 0.001 ? `; ${percent(unknown)} of the time was not counted` : "";
  if (requests === 0 || !first || !last) return `no request was counted${missing}`;
  return `${requests === 1 ? "1 request" : `${count(requests)} requests`}, ${count(errors)} failed, ${moment(first)} to ${moment(last)}${missing}`;
}

function moment(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
