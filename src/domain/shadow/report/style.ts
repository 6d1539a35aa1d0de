import { pageStyle } from "../../page/style.ts";

/** What comparisons look like, beside what every page does. */
export const reportStyle = `
.sides { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 0 0 26px; padding: 0; list-style: none; font-size: 14px; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin: 0 7px 0 0; } .hint .dot + .dot, .hint .dot ~ .dot { margin-left: 10px; }
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
.verdict li { padding-left: 1.3em; text-indent: -1.3em; }
.mark { text-indent: 0; display: inline-block; width: 1.3em; font-weight: 700; } .mark.met { color: var(--good); } .mark.unmet { color: var(--bad); }
td.bar { width: 30%; padding-top: 13px; } svg.thin { height: 10px; }
.stacked td:first-child code { min-width: 9em; display: inline-block; }
.from { color: var(--primary-text); } .to { color: var(--shadow-text); }
:root { --primary-wash: #dfe9fb; --shadow-wash: #fce8da; }
@media (prefers-color-scheme: dark) { :root { --primary-wash: #1d2f52; --shadow-wash: #4a2a12; } }
.conversation { border-top: 1px solid var(--line); padding: 10px 0; }
.conversation > summary { cursor: pointer; } .conversation > summary:focus-visible, .fold > summary:focus-visible { outline: 2px solid var(--primary); }
.said-by { display: block; color: var(--quiet); font-size: 12.5px; margin: 10px 0 2px; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.turn .said { border-left: 3px solid var(--line); padding-left: 10px; }
.answers { display: grid; grid-template-columns: 1fr 1fr; gap: 18px; } .answers > * { min-width: 0; }
/* Not struck out: half of a conversation may differ, and is there to be read. */
del, ins { color: var(--ink); border-radius: 3px; padding: 0 1px; text-decoration: underline 2px; text-underline-offset: 3px; }
del { background: var(--primary-wash); text-decoration-color: var(--primary); text-decoration-style: dotted; }
ins { background: var(--shadow-wash); text-decoration-color: var(--shadow); }
.fold { display: inline; } .fold > summary { display: inline-block; cursor: pointer; color: var(--quiet); font-size: 12.5px; border: 1px dashed var(--line); border-radius: 6px; padding: 0 6px; margin: 0 4px; }
.lead { font-size: 17px; margin: 0 0 12px; max-width: 72ch; }
.note { margin: 0; } .note + .note { margin-top: 8px; }
.when { white-space: nowrap; }
@media (max-width: 760px) {
  .answers, .halves, .halves.even { grid-template-columns: 1fr; }
  .verdict { flex-direction: column; gap: 8px; }
  .timeline text { font-size: 17px; }
  /* Rows of several texts stand one below the other: side by side, each would be a word wide. */
  .stacked, .stacked tbody, .stacked tr, .stacked td { display: block; width: auto; }
  .stacked thead { display: none; }
  .stacked tr { padding: 10px 0; border-bottom: 1px solid var(--grid); } .stacked tr:last-child { border-bottom: 0; }
  .stacked td { border: 0; padding: 2px 0; } .stacked td:empty { display: none; }
  .stacked td.number { text-align: left; } .stacked td.number br { display: none; }
  .stacked td[data-name]::before { content: attr(data-name) " "; color: var(--quiet); font-size: 13px; }
}
`;

/** Of a comparison that is saved to a file. */
export const style = `${pageStyle}${reportStyle}`;
