import { allows, type Viewer } from "../../domain/access/roles.ts";
import { activityOf } from "../../domain/console/activity.ts";
import { activitiesShown, activityPage } from "../../domain/console/activityPage.ts";
import { appPage } from "../../domain/console/appPage.ts";
import { appsPage, appsShown } from "../../domain/console/appsPage.ts";
import { modelCards, pageOf, searched } from "../../domain/console/cards.ts";
import {
  developmentPage,
  developmentVersionPage,
  patchesShown,
  patchPage,
} from "../../domain/console/developmentPage.ts";
import { cardsShown, environmentPage } from "../../domain/console/environmentPage.ts";
import { sectionsOf } from "../../domain/console/frame.ts";
import { poolsPage } from "../../domain/console/poolsPage.ts";
import { type ConsoleReads, TooMuch } from "../../domain/console/ports.ts";
import { exchangePage, recordedPage, recordedShown, recordingsPage } from "../../domain/console/recordedPages.ts";
import type { RecordingReads } from "../../domain/console/recordings.ts";
import { releaseDifferencePage, releasesPage, releasesShown } from "../../domain/console/releasesPage.ts";
import { rolloutPage } from "../../domain/console/rolloutPage.ts";
import {
  comparedPairsPage,
  comparisonPage,
  shadowsPage,
  sinceNamed,
  tooMuchPage,
} from "../../domain/console/shadowPage.ts";
import { organizationsShown, usagePage, usageShown } from "../../domain/console/usagePage.ts";
import { patchPlaceOf, type ShownDevelopment } from "../../domain/development/history.ts";
import type { Markup } from "../../domain/page/markup.ts";
import { isRowId } from "../../domain/rowId.ts";

/** A page's content. */
export interface ShownPage {
  readonly title: string;
  /** Path of its section in the header. */
  readonly section: string;
  /** Whether it shows bodies or code, so that it is loaded by hand alone. @default it follows what changes */
  readonly isStill?: boolean | undefined;
  readonly main: Markup;
}

/** Why a page is not shown. */
export class PageRefused extends Error {
  override readonly name = "PageRefused";
  readonly status: 403 | 404;

  constructor(status: 403 | 404, message: string) {
    super(message);
    this.status = status;
  }
}

export interface PageParts {
  readonly reads: ConsoleReads;
  /** What commands need to find the environment, such as ` -e second`. */
  readonly suffix: string;
  readonly now: () => Date;
}

/** Beyond it, the rows before it are more than a database counts. */
const mostPages = 1_000_000;

/** As `menagerie usage` shows without an option. */
const usageDays = 30;

interface Asked extends PageParts {
  readonly query: URLSearchParams;
  readonly viewer: Viewer;
  /** The rest of the path, decoded. */
  readonly rest: string;
  readonly noteBodies: NoteBodies;
  /** The same in its parts. */
  readonly parts: readonly string[];
  /** What is recorded, as the session may see it. */
  readonly recorded: RecordingReads;
}

/** Notes in the audit that whoever asks sees bodies or code; false where they may not. */
export type NoteBodies = (shown: Readonly<Record<string, string | number>>) => Promise<boolean>;

interface Page {
  readonly section: string;
  readonly show: (asked: Asked) => Promise<Omit<ShownPage, "section">>;
}

/** By the first part of the path. */
const pages: ReadonlyMap<string, Page> = new Map([
  ["environment", { section: "/environment", show: showEnvironment }],
  ["rollout", { section: "/environment", show: showRollout }],
  ["activity", { section: "/activity", show: showActivity }],
  ["apps", { section: "/apps", show: showApps }],
  ["usage", { section: "/usage", show: showUsage }],
  ["development", { section: "/development", show: showDevelopment }],
  ["shadow", { section: "/shadow", show: showShadow }],
  ["pools", { section: "/pools", show: showPools }],
  ["recorded", { section: "/recorded", show: showRecorded }],
  ["releases", { section: "/releases", show: showReleases }],
]);

/**
 * The page at a path, as somebody may see it.
 * @throws PageRefused
 */
export async function showPage(
  parts: PageParts,
  { viewer, ...session }: Pick<Asked, "viewer" | "recorded" | "noteBodies">,
  url: URL,
): Promise<ShownPage> {
  const [, first = "", ...others] = url.pathname.split("/");
  const page = pages.get(first);
  const decodedParts = others.map(decoded);
  const known = decodedParts.filter((part) => part !== undefined);
  if (!page || known.length < decodedParts.length) throw unknownPage();
  if (!sectionsOf(viewer).some(({ path }) => path === page.section))
    throw new PageRefused(
      403,
      `This page is about the whole environment, and your key is for ${viewer.organization?.name} alone.`,
    );
  const shown = await page.show({
    ...parts,
    ...session,
    viewer,
    query: url.searchParams,
    rest: known.join("/"),
    parts: known,
  });
  return { ...shown, section: page.section };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function showEnvironment({ reads, query, suffix, now, rest }: Asked) {
  requireNothing(rest);
  const search = searchIn(query);
  const [standings, minute, served] = await Promise.all([
    reads.standings(),
    reads.minute(),
    reads.served().catch(() => undefined),
  ]);
  const cards = searched(modelCards({ standings, minute, served }, now()), search);
  const notes = { search, suffix, isAsked: served !== undefined };
  return { title: "Models", main: environmentPage(pageOf(cards, pageNumber(query), cardsShown), notes) };
}

async function showRollout({ reads, suffix, now, rest }: Asked) {
  const [[standing], activity, minute] = await Promise.all([
    reads.standings(rest),
    reads.activity({ model: rest, limit: activitiesShown }),
    reads.minute(),
  ]);
  if (!standing) throw new PageRefused(404, `No model of the zoo is called ${rest}.`);
  const looks = standing.judgement ? await reads.looks(standing.judgement.judgementId) : [];
  const facts = { activities: activity.map(activityOf), minute, looks };
  return { title: rest, main: rolloutPage(standing, facts, { suffix }, now()) };
}

async function showActivity({ reads, query, suffix, rest }: Asked) {
  requireNothing(rest);
  const before = timeIn(query);
  const rows = await reads.activity({ limit: activitiesShown, before });
  const older = rows.length < activitiesShown ? undefined : rows.at(-1)?.cursor;
  return { title: "Activity", main: activityPage(rows.map(activityOf), { suffix, older }) };
}

async function showApps(asked: Asked) {
  const { reads, query, suffix, viewer, rest } = asked;
  if (rest !== "") return showApp(asked);
  const search = searchIn(query);
  const page = Math.max(1, pageNumber(query));
  const organizationId = viewer.organization?.id;
  const question = { organizationId, search, limit: appsShown + 1, offset: (page - 1) * appsShown };
  const found = await reads.apps(question);
  const notes = {
    search,
    suffix,
    page,
    hasMore: found.length > appsShown,
    ofOrganization: organizationId !== undefined,
  };
  return { title: "Apps", main: appsPage(found.slice(0, appsShown), notes) };
}

async function showApp({ reads, suffix, viewer, rest: id }: Asked) {
  const organizationId = viewer.organization?.id;
  const found = isRowId(id) ? await reads.app({ id, organizationId }) : undefined;
  if (!found) throw new PageRefused(404, `No app has id ${id}.`);
  const notes = { suffix, ofOrganization: organizationId !== undefined };
  return { title: found.app.name, main: appPage(found.app, found.moves, notes) };
}

async function showUsage({ reads, query, suffix, viewer, now, rest }: Asked) {
  requireNothing(rest);
  const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
  const [since, until] = [dayOf(now().getTime() - usageDays * 86_400_000), dayOf(now().getTime())];
  const organizationId = viewer.organization?.id;
  const pages = {
    rows: Math.max(1, pageNumber(query)),
    organizations: Math.max(1, pageNumber(query, "organizations")),
  };
  const partOf = (page: number, shown: number) => ({
    organizationId,
    since,
    limit: shown + 1,
    offset: (page - 1) * shown,
  });
  const [rows, organizations, limits] = await Promise.all([
    reads.usage(partOf(pages.rows, usageShown)),
    reads.organizationUsage(partOf(pages.organizations, organizationsShown)),
    reads.limits(),
  ]);
  return { title: "Usage", main: usagePage({ rows, organizations }, { since, until, suffix, limits, pages }) };
}

async function showRecorded({ recorded, query, suffix, viewer, parts }: Asked) {
  const [schema = "", day = "", requestId = "", attempt = "", ...others] = parts;
  if (schema === "") return { title: "Recorded", main: recordingsPage(await recorded.recordings()) };
  if (!(await recorded.recordings()).includes(schema)) throw new PageRefused(404, `Nothing is recorded as ${schema}.`);
  const maySeeBodies = allows(viewer.role, "bodies");
  if (day === "") {
    const before = timeIn(query);
    const entries = await recorded.recorded({ schema, before, limit: recordedShown });
    const older = entries.length < recordedShown ? undefined : entries.at(-1)?.at.toISOString();
    return { title: schema, main: recordedPage(schema, entries, { maySeeBodies, older, suffix }) };
  }
  if (!maySeeBodies) throw new PageRefused(403, "Bodies are for keys with role inspector or operator.");
  if (
    others.length > 0 ||
    !/^\d{4}-\d\d-\d\d$/.test(day) ||
    Number.isNaN(Date.parse(day)) ||
    !/^\d{1,9}$/.test(attempt)
  )
    throw unknownPage();
  const found = await recorded.exchange({ schema, day, requestId, attempt: Number(attempt) });
  if (!found) throw new PageRefused(404, `No request of ${schema} has id ${requestId}.`);
  return { title: requestId, isStill: true, main: exchangePage({ schema, requestId, suffix }, found) };
}

/** @throws PageRefused where it is no time */
function timeIn(query: URLSearchParams): string | undefined {
  const before = query.get("before") ?? undefined;
  if (before !== undefined && Number.isNaN(Date.parse(before))) throw unknownPage();
  return before;
}

/** Releases, or how two deployments differ (`/diff?stack=…&from=…&to=…`). */
async function showReleases(asked: Asked) {
  const { reads, suffix, now, rest } = asked;
  if (rest === "diff") return showReleaseDifference(asked);
  requireNothing(rest);
  return { title: "Releases", main: releasesPage(await reads.releases(releasesShown), { suffix }, now()) };
}

async function showReleaseDifference({ reads, suffix, query }: Asked) {
  const [stack = "", from = "", to = ""] = ["stack", "from", "to"].map((name) => query.get(name) ?? "");
  const find = async (id: string) => {
    const found = isRowId(id) ? await reads.release(stack, id) : undefined;
    if (!found) throw new PageRefused(404, `No deployment of ${stack} has the number ${id}.`);
    return found;
  };
  const [before, after] = [await find(from), await find(to)];
  return { title: `${before.tag} → ${after.tag}`, main: releaseDifferencePage(before, after, { suffix }) };
}

/** Development versions, one of them (`/<id>`), or one of its patches (`/<id>/<generation>/<seq>`). */
async function showDevelopment(asked: Asked): Promise<Omit<ShownPage, "section">> {
  const { reads, suffix, viewer, query, rest, parts } = asked;
  const organizationId = viewer.organization?.id;
  if (rest === "") {
    const versions = await reads.development({ organizationId });
    return { title: "Development", main: developmentPage(versions, { suffix }) };
  }
  const [called = "", ...place] = parts;
  const [version] = isRowId(called) ? await reads.development({ organizationId, called }) : [];
  if (!version) throw new PageRefused(404, `No development version has the id ${called}.`);
  const mayReadCode = allows(viewer.role, "bodies");
  if (place.length > 0) return showPatch(asked, version, place.map(Number));
  const before = patchPlaceOf(query.get("before") ?? "");
  const patches = await reads.patches(version.versionId, { limit: patchesShown, before });
  return { title: version.model, main: developmentVersionPage(version, patches, { suffix, mayReadCode }) };
}

async function showPatch(
  { reads, viewer, suffix, noteBodies }: Asked,
  version: ShownDevelopment,
  [generation = 0, seq = 0, ...more]: readonly number[],
): Promise<Omit<ShownPage, "section">> {
  if (more.length > 0 || !Number.isInteger(generation) || !Number.isInteger(seq)) throw unknownPage();
  const shown = { page: "patch", model: version.model, versionId: version.versionId, generation, seq };
  await requireBodies(viewer, noteBodies, shown);
  const found = await reads.wholePatch(version.versionId, { generation, seq });
  if (!found) throw new PageRefused(404, `${version.model} has no patch ${seq} of full deployment ${generation}.`);
  return {
    title: `Patch ${seq} of ${version.model}`,
    isStill: true,
    main: patchPage(version, found, { suffix }),
  };
}

/** Shadow deployments, one shadow of one of them (`/<deployment>/<shadow>`), or the pairs that differ most (`…/pairs`). */
async function showShadow(asked: Asked): Promise<Omit<ShownPage, "section">> {
  const { reads, suffix, viewer, query, now, rest, parts, noteBodies } = asked;
  const shadows = await reads.shadows().catch(() => undefined);
  if (rest === "") return { title: "Shadow", main: shadowsPage(shadows, { suffix }) };
  const [name = "", shadow = "", part, ...more] = parts;
  const deployment = shadows && Object.hasOwn(shadows, name) ? shadows[name] : undefined;
  if (!deployment || !Object.hasOwn(deployment.shadows, shadow) || (part !== undefined && part !== "pairs"))
    throw new PageRefused(404, "No shadow deployment of the stack has this name.");
  if (more.length > 0) throw unknownPage();
  const since = sinceNamed(query.get("since"));
  const field = query.get("field") ?? undefined;
  const notes = { name, shadow, deployment, since, suffix, mayReadBodies: allows(viewer.role, "bodies") };
  const question = { deployment, shadow, withinMs: since.withinMs };
  const title = `${shadow} of ${name}`;
  try {
    if (part === undefined)
      return { title, main: comparisonPage(await reads.comparison(question), { ...notes, now: now() }) };
    await requireBodies(viewer, noteBodies, { page: "shadow", deployment: name, shadow, since: since.name });
    return { title, isStill: true, main: comparedPairsPage(await reads.comparedPairs(question), { ...notes, field }) };
  } catch (error) {
    if (error instanceof TooMuch) return { title, main: tooMuchPage(notes) };
    throw error;
  }
}

/**
 * What a client sent, what a model answered and what code says is for roles that may see it, and each sight of it is noted.
 * @throws PageRefused
 */
async function requireBodies(viewer: Viewer, noteBodies: NoteBodies, shown: Parameters<NoteBodies>[0]): Promise<void> {
  if (allows(viewer.role, "bodies") && (await noteBodies(shown))) return;
  throw new PageRefused(403, `Your key has role ${viewer.role}, which shows neither bodies nor code.`);
}

async function showPools({ reads, suffix, rest }: Asked) {
  requireNothing(rest);
  return { title: "Pools", main: poolsPage(await reads.pools().catch(() => undefined), { suffix }) };
}

function unknownPage(): PageRefused {
  return new PageRefused(404, "This page does not exist.");
}

function searchIn(query: URLSearchParams): string {
  return (query.get("q") ?? "").slice(0, 100);
}

function requireNothing(rest: string): void {
  if (rest !== "") throw unknownPage();
}

function pageNumber(query: URLSearchParams, of = "page"): number {
  const page = Number(query.get(of) ?? 1);
  return Number.isInteger(page) ? Math.min(page, mostPages) : 1;
}
