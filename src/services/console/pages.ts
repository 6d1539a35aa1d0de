import type { Viewer } from "../../domain/access/roles.ts";
import { activityOf } from "../../domain/console/activity.ts";
import { activitiesShown, activityPage } from "../../domain/console/activityPage.ts";
import { appsPage, appsShown } from "../../domain/console/appsPage.ts";
import { modelCards, pageOf, searched } from "../../domain/console/cards.ts";
import { cardsShown, environmentPage } from "../../domain/console/environmentPage.ts";
import { sectionsOf } from "../../domain/console/frame.ts";
import { poolsPage } from "../../domain/console/poolsPage.ts";
import type { ConsoleReads } from "../../domain/console/ports.ts";
import { releasesPage, releasesShown } from "../../domain/console/releasesPage.ts";
import { rolloutPage } from "../../domain/console/rolloutPage.ts";
import { usagePage } from "../../domain/console/usagePage.ts";
import type { Markup } from "../../domain/page/markup.ts";

/** A page's content. */
export interface ShownPage {
  readonly title: string;
  /** Path of its section in the header. */
  readonly section: string;
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

/** As `menagerie usage` shows without an option. */
const usageDays = 30;

interface Asked extends PageParts {
  readonly query: URLSearchParams;
  readonly viewer: Viewer;
  /** The rest of the path, decoded. */
  readonly rest: string;
}

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
  ["releases", { section: "/releases", show: showReleases }],
  ["pools", { section: "/pools", show: showPools }],
]);

/**
 * The page at a path, as somebody may see it.
 * @throws PageRefused
 */
export async function showPage(parts: PageParts, viewer: Viewer, url: URL): Promise<ShownPage> {
  const [, first = "", ...others] = url.pathname.split("/");
  const page = pages.get(first);
  const rest = decoded(others.join("/"));
  if (!page || rest === undefined) throw unknownPage();
  if (!sectionsOf(viewer).some(({ path }) => path === page.section))
    throw new PageRefused(
      403,
      `This page is about the whole environment, and your key is for ${viewer.organization?.name} alone.`,
    );
  const shown = await page.show({ ...parts, viewer, query: url.searchParams, rest });
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
  return { title: rest, main: rolloutPage(standing, activity.map(activityOf), minute, { suffix }, now()) };
}

async function showActivity({ reads, query, suffix, rest }: Asked) {
  requireNothing(rest);
  const before = query.get("before") ?? undefined;
  if (before !== undefined && Number.isNaN(Date.parse(before))) throw unknownPage();
  const rows = await reads.activity({ limit: activitiesShown, before });
  const older = rows.length < activitiesShown ? undefined : rows.at(-1)?.cursor;
  return { title: "Activity", main: activityPage(rows.map(activityOf), { suffix, older }) };
}

async function showApps({ reads, query, suffix, viewer, rest }: Asked) {
  requireNothing(rest);
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

async function showUsage({ reads, suffix, viewer, now, rest }: Asked) {
  requireNothing(rest);
  const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
  const [since, until] = [dayOf(now().getTime() - usageDays * 86_400_000), dayOf(now().getTime())];
  const organizationId = viewer.organization?.id;
  const [rows, all] = await Promise.all([reads.usage({ organizationId, since }), reads.limits()]);
  const limits = viewer.organization ? all.filter(({ name }) => name === viewer.organization?.name) : all;
  return { title: "Usage", main: usagePage(rows, { since, until, suffix, limits }) };
}

async function showReleases({ reads, suffix, rest }: Asked) {
  requireNothing(rest);
  return { title: "Releases", main: releasesPage(await reads.releases(releasesShown), { suffix }) };
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

function pageNumber(query: URLSearchParams): number {
  const page = Number(query.get("page") ?? 1);
  return Number.isInteger(page) ? page : 1;
}
