import type { Viewer } from "../access/roles.ts";
import { describeViewer } from "../access/roles.ts";
import { html, type Markup } from "../page/markup.ts";

/** Paths of what a page loads besides itself. */
export interface ConsoleAssets {
  readonly style: string;
  readonly script: string;
}

/** A page of the console, in the order of its header. */
export interface ConsoleSection {
  readonly path: string;
  readonly name: string;
  /** Whether somebody sees it who sees one organization alone. */
  readonly ofOrganization: boolean;
}

export const sections: readonly ConsoleSection[] = [
  { path: "/environment", name: "Environment", ofOrganization: false },
  { path: "/activity", name: "Activity", ofOrganization: false },
  { path: "/apps", name: "Apps", ofOrganization: true },
  { path: "/usage", name: "Usage", ofOrganization: true },
  { path: "/recorded", name: "Recorded", ofOrganization: true },
  { path: "/releases", name: "Releases", ofOrganization: false },
  { path: "/development", name: "Development", ofOrganization: true },
  { path: "/shadow", name: "Shadow", ofOrganization: false },
  { path: "/pools", name: "Pools", ofOrganization: false },
];

/** The pages that somebody may see. */
export function sectionsOf({ organization }: Pick<Viewer, "organization">): readonly ConsoleSection[] {
  return organization === null ? sections : sections.filter(({ ofOrganization }) => ofOrganization);
}

/** A page around its content. */
export interface ConsoleFrame {
  readonly title: string;
  /** Name of the environment, such as `local`. */
  readonly environment: string;
  readonly assets: ConsoleAssets;
  /** Who sees it, with the token of the session's forms; undefined where nobody is logged in. */
  readonly seen?: { readonly by: Viewer; readonly token: string } | undefined;
  /** Path of the section that the page belongs to. */
  readonly section?: string | undefined;
  /**
   * Whether it stays as it is: a page with bodies, which is noted in the audit once for each time that it is loaded.
   * @default it follows what changes
   */
  readonly isStill?: boolean | undefined;
  readonly main: Markup;
}

/** A whole page of the console, as text. What it loads comes from the console's own paths. */
export function consolePage({
  title,
  environment,
  assets,
  seen,
  section,
  isStill = false,
  main,
}: ConsoleFrame): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${environment} · Menagerie</title>
<link rel="stylesheet" href="${assets.style}">
<link rel="icon" href="data:,">
${seen && !isStill && html`<script src="${assets.script}" defer></script>`}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="bar"><div class="bar-inner">
<a class="brand" href="/">Menagerie · ${environment}</a>
${seen && header(seen, section, isStill)}
</div></header>
<main id="content" tabindex="-1">
${main}
</main>
</body>
</html>
`.markup;
}

function header(
  { by, token }: NonNullable<ConsoleFrame["seen"]>,
  section: string | undefined,
  isStill: boolean,
): Markup {
  const entries = sectionsOf(by).map(
    ({ path, name }) => html`<li><a href="${path}"${path === section && html` aria-current="page"`}>${name}</a></li>`,
  );
  return html`<nav aria-label="Pages"><ul>${entries}</ul></nav>
<div class="who">${!isStill && html`<span class="live" data-live data-state="still">as of now</span>`}<span>${describeViewer(by)}</span>
<form method="post" action="/logout"><input type="hidden" name="token" value="${token}"><button class="plain">Log out</button></form></div>`;
}

/** The form that takes a key. The key goes to the console alone, which keeps none. */
export function loginForm({ wrong, next }: { readonly wrong?: string | undefined; readonly next: string }): Markup {
  return html`<section class="card login"><h1>Log in</h1>
<p class="lead">With a key that has a role: <code>menagerie key create --role viewer</code> prints one.</p>
${wrong !== undefined && html`<p class="alarm" role="alert" id="wrong">${wrong}</p>`}
<form method="post" action="/login"><input type="hidden" name="next" value="${next}">
<label>Key <input type="password" name="key" required autocomplete="off" autofocus spellcheck="false"${wrong !== undefined && html` aria-invalid="true" aria-describedby="wrong"`}></label>
<button class="main">Log in</button></form>
<p class="hint">A session ends after 15 minutes without use, and with its key.</p></section>`;
}

/** A page that says why there is nothing else to see. */
export function sorry(title: string, sentence: string): Markup {
  return html`<h1>${title}</h1><p class="lead">${sentence}</p><p><a href="/">To the first page</a></p>`;
}

/** A link to a page of one model's rollout. */
export function modelLink(name: string): Markup {
  return html`<a href="/rollout/${encodeURIComponent(name)}">${name}</a>`;
}

/** A link to what the console knows of a model, by what it is: its rollout, the development versions, the shadows. */
export function linkByKind(name: string, kind: "zoo" | "development" | "shadow" | null): Markup {
  if (kind === null) return html`${name}`;
  return kind === "zoo" ? modelLink(name) : html`<a href="/${kind}">${name}</a>`;
}

/** How many apps a version answers, with a link to those of its model. */
export function appsLink(model: string, apps: number): Markup {
  return apps === 0 ? html`0` : html`<a href="/apps?${new URLSearchParams({ q: model }).toString()}">${apps}</a>`;
}

/** The commands that print the same. */
export function printedBy(...commands: readonly string[]): Markup {
  return html`<p class="facts">${commands.map((command) => html`<span>Printed by <code>${command}</code></span>`)}</p>`;
}

/**
 * Links to the pages before and after; nothing where all is on one.
 * @param of - the query's parameter, and the links' name: on a page with several of them, each has its own. @default page, More
 */
export function pageLinks(
  path: string,
  query: Readonly<Record<string, string>>,
  { page, pages }: { readonly page: number; readonly pages: number },
  { parameter = "page", label = "More" }: { readonly parameter?: string; readonly label?: string } = {},
): Markup {
  if (pages <= 1) return html``;
  const to = (number: number, text: string, rel: string) => {
    const search = new URLSearchParams({ ...query, [parameter]: String(number) });
    return html`<a rel="${rel}" href="${path}?${search.toString()}">${text}</a>`;
  };
  return html`<nav class="pages" aria-label="${label}">${page > 1 && to(page - 1, "← Before", "prev")}<span>Page ${page} of ${pages}</span>${page < pages && to(page + 1, "After →", "next")}</nav>`;
}
