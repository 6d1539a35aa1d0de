import { pageStyle } from "../page/style.ts";
import { timelineStyle } from "../release/timeline/picture.ts";
import { reportStyle } from "../shadow/report/style.ts";
import { evidenceStyle } from "./evidencePlots.ts";

/** What the console adds to the look of every page: a header with the pages' names, cards of models, tracks of phases. */
export const consoleStyle = `${pageStyle}${reportStyle}${timelineStyle}${evidenceStyle}
:root { --focus: var(--primary); --nav: #ffffff; --warn: #8a5300; --warn-wash: #fdf1dc; }
@media (prefers-color-scheme: dark) { :root { --nav: #131a23; --warn: #f3bd6b; --warn-wash: #36270f; } }
html { scroll-padding-top: 64px; }
a { color: var(--primary-text); text-decoration-thickness: 1px; text-underline-offset: 2px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; background: var(--card); padding: 8px 14px; border-radius: 8px; z-index: 3; }
.skip:focus { top: 10px; }
.bar { position: sticky; top: 0; z-index: 2; background: var(--nav); border-bottom: 1px solid var(--line); }
.bar-inner { max-width: 1180px; margin: 0 auto; padding: 0 24px; display: flex; align-items: center; gap: 18px; min-height: 52px; }
.brand { font-weight: 680; letter-spacing: -.01em; color: var(--ink); text-decoration: none; white-space: nowrap; }
.bar nav { flex: 1; min-width: 0; overflow-x: auto; }
.bar nav ul { display: flex; gap: 2px; list-style: none; margin: 0; padding: 4px 0; }
.bar nav a { display: block; padding: 6px 10px; border-radius: 8px; color: var(--quiet); text-decoration: none; font-size: 14px; white-space: nowrap; }
.bar nav a:hover { color: var(--ink); background: var(--none-wash); }
.bar nav a[aria-current] { color: var(--ink); background: var(--none-wash); font-weight: 600; }
.who { font-size: 13px; color: var(--quiet); display: flex; align-items: center; gap: 10px; white-space: nowrap; }
main { max-width: 1180px; padding-top: 28px; }
select { max-width: min(100%, 40ch); }
pre.diff { display: inline-block; min-width: 100%; overflow: visible; }
pre.diff del, pre.diff ins { text-decoration: none; display: inline-block; min-width: 100%; }
pre.diff del { background: var(--bad-wash); color: var(--ink); } pre.diff ins { background: var(--good-wash); color: var(--ink); }
pre.diff .gap { color: var(--quiet); }
.filters { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 0 0 16px; padding: 0; list-style: none; font-size: 14px; } .filters a[aria-current] { font-weight: 640; text-decoration: none; color: var(--ink); }
h2.apart { margin: 22px 0 8px; }
.lead { color: var(--quiet); margin: 0 0 18px; max-width: 80ch; }
.head { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: end; justify-content: space-between; margin-bottom: 18px; }
.head h1, .head .lead { margin-bottom: 4px; }
form.search { display: flex; gap: 8px; align-items: end; flex-wrap: wrap; }
form.search label { font-size: 13px; color: var(--quiet); display: grid; gap: 3px; }
input, select, button { font: inherit; color: inherit; }
input[type="search"], input[type="password"], select { background: var(--card); border: 1px solid var(--quiet); border-radius: 8px; padding: 7px 10px; min-width: 0; }
button { background: var(--card); border: 1px solid var(--quiet); border-radius: 8px; padding: 7px 14px; cursor: pointer; }
button.main { background: var(--primary-text); border-color: var(--primary-text); color: #fff; font-weight: 600; }
@media (prefers-color-scheme: dark) { button.main { color: #0e131a; } }
button.plain { border: 0; background: none; padding: 4px 6px; text-decoration: underline; color: var(--quiet); font-size: 13px; }
ul.models { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 520px), 1fr)); gap: 14px; }
ul.models > li { display: flex; } ul.models article { flex: 1; margin: 0; min-width: 0; }
.model h2 { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; font-size: 18px; margin-bottom: 8px; }
.model h2 a { color: var(--ink); }
.tag.warn { background: var(--warn-wash); color: var(--warn); }
.alarm { color: var(--bad); margin: 0 0 8px; } .warning { color: var(--warn); margin: 0 0 8px; }
ol.track { list-style: none; display: flex; gap: 4px; margin: 0 0 12px; padding: 0; font-size: 12px; color: var(--quiet); }
ol.track li { flex: 1; border-top: 4px solid var(--line); padding-top: 4px; min-width: 0; overflow-wrap: anywhere; }
ol.track li.past { border-color: var(--agree); } ol.track li[aria-current] { border-color: var(--primary); color: var(--ink); font-weight: 640; }
ol.track li.back { border-color: var(--shadow); color: var(--shadow-text); font-weight: 640; }
tbody th { color: var(--ink); font-weight: 560; font-size: inherit; } tbody tr:last-child > * { border-bottom: 0; } td code { white-space: nowrap; }
svg.split { height: 14px; }
svg.spark { width: auto; height: 24px; }
.facts { color: var(--quiet); font-size: 13px; margin: 10px 0 0; display: flex; flex-wrap: wrap; gap: 4px 14px; }
pre { background: var(--none-wash); border-radius: 8px; padding: 12px 14px; overflow-x: auto; margin: 8px 0; }
pre, pre code { font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: normal; }
dl.pairs { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; } dl.pairs dt { color: var(--quiet); } dl.pairs dd { margin: 0; overflow-wrap: anywhere; }
.pages { display: flex; gap: 14px; align-items: center; margin-top: 18px; }
.login { max-width: 420px; margin: 10vh auto 0; } .login form { display: grid; gap: 12px; } .login label { display: grid; gap: 4px; font-weight: 600; }
.nothing { color: var(--quiet); padding: 26px 0; }
.live { font-size: 12.5px; color: var(--quiet); }
.live::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: var(--agree); }
.live[data-state="live"]::before { background: var(--good); }
ul.changes { list-style: none; margin: 0; padding: 0; }
ul.changes > li { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 4px 18px; padding: 10px 0; border-bottom: 1px solid var(--grid); }
ul.changes > li:last-child { border-bottom: 0; } ul.changes time { color: var(--quiet); font-variant-numeric: tabular-nums; font-size: 13.5px; }
ul.changes p { margin: 0; overflow-wrap: anywhere; } ul.changes .cause { color: var(--quiet); font-size: 13.5px; }
@media (max-width: 1320px) {
  .bar-inner { flex-wrap: wrap; gap: 0 14px; padding-top: 8px; } .bar nav { order: 3; flex-basis: 100%; } .who { margin-left: auto; }
}
@media (max-width: 760px) {
  .bar-inner { padding: 8px 14px 0; }
  ul.changes > li { grid-template-columns: 1fr; }
}
@media (prefers-reduced-motion: no-preference) { .fresh { animation: fresh 1.6s ease-out; } }
@keyframes fresh { from { background: var(--none-wash); } }
`;
