import { pageStyle } from "../../page/style.ts";

/** The page's own parts beside those of every page. */
export const style = `${pageStyle}
.sides { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 0 0 26px; padding: 0; list-style: none; font-size: 14px; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
.dot.primary { background: var(--primary); } .dot.shadow { background: var(--shadow); }
.dot.agree { background: var(--agree); } .dot.differ { background: var(--differ); }
.halves { display: grid; grid-template-columns: 3fr 2fr; gap: 14px; }
.halves.even { grid-template-columns: 1fr 1fr; }
.halves .card { margin-bottom: 14px; }
.verdict { display: flex; gap: 14px; align-items: flex-start; border-radius: 12px; padding: 14px 20px; margin-bottom: 14px; }
.verdict.met { background: var(--good-wash); } .verdict.unmet { background: var(--bad-wash); } .verdict.none { background: var(--none-wash); }
.verdict strong { white-space: nowrap; }
.verdict.met strong { color: var(--good); } .verdict.unmet strong { color: var(--bad); }
.verdict ul { margin: 0; padding: 0; list-style: none; }
.mark { display: inline-block; width: 1.3em; font-weight: 700; } .mark.met { color: var(--good); } .mark.unmet { color: var(--bad); }
td.bar { width: 30%; padding-top: 13px; }
td:first-child code { min-width: 9em; display: inline-block; }
.from { color: var(--primary-text); } .to { color: var(--shadow-text); }
:root { --primary-wash: #dfe9fb; --shadow-wash: #fce8da; }
@media (prefers-color-scheme: dark) { :root { --primary-wash: #1d2f52; --shadow-wash: #4a2a12; } }
.conversation { border-top: 1px solid var(--line); padding: 10px 0; }
.conversation > summary { cursor: pointer; } .conversation > summary:focus-visible, .fold > summary:focus-visible { outline: 2px solid var(--primary); }
.who { display: block; color: var(--quiet); font-size: 12.5px; margin: 10px 0 2px; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.turn .said { border-left: 3px solid var(--line); padding-left: 10px; }
.answers { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; } .answers > * { min-width: 0; }
del, ins { color: inherit; border-radius: 3px; padding: 0 1px; }
del { background: var(--primary-wash); text-decoration: line-through; text-decoration-color: var(--primary); }
ins { background: var(--shadow-wash); text-decoration: underline; text-decoration-color: var(--shadow); }
.fold { display: inline; } .fold > summary { display: inline-block; cursor: pointer; color: var(--quiet); font-size: 12.5px; border: 1px dashed var(--line); border-radius: 6px; padding: 0 6px; margin: 0 4px; }
@media (max-width: 760px) { .answers { grid-template-columns: 1fr; } }
@media (max-width: 760px) { .halves { grid-template-columns: 1fr; } }
`;
