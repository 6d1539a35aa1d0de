/**
 * What every page of Menagerie looks like: names of colours in both schemes, text, cards, tiles and tables. Blue and orange stay
 * apart for those who see red and green alike.
 */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16202e; --quiet: #5d6b7e; --line: #dfe4eb; --grid: #eceff3;
  --primary: #2f6bd8; --shadow: #d9661f; --differ: #c2275f; --agree: #aebccd; --good: #16794c; --bad: #c2275f;
  --good-wash: #e3f4ec; --bad-wash: #fbe6ee; --none-wash: #edf0f4;
  --primary-text: #2558b8; --shadow-text: #a8470c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e131a; --card: #171e28; --ink: #e8edf4; --quiet: #94a3b8; --line: #2a3442; --grid: #222b37;
    --primary: #6ea2ff; --shadow: #f59a57; --differ: #ff6f9f; --agree: #4a5a6e; --good: #56d39b; --bad: #ff7ba7;
    --good-wash: #12301f; --bad-wash: #3a1826; --none-wash: #222b37;
    --primary-text: #6ea2ff; --shadow-text: #f59a57;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 56px; }
.eyebrow { color: var(--quiet); font-size: 13px; letter-spacing: .04em; margin: 0 0 6px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 10px; font-weight: 680; text-wrap: balance; }
h2 { font-size: 16px; margin: 0 0 2px; font-weight: 640; }
.hint { color: var(--quiet); font-size: 13px; margin: 0 0 14px; max-width: 72ch; }
code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin-bottom: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin-bottom: 14px; overflow-x: auto; }
.tiles .card { margin: 0; }
.tile-name { color: var(--quiet); font-size: 13px; }
.tile-value { font-size: 27px; font-weight: 660; letter-spacing: -.02em; font-variant-numeric: tabular-nums; margin: 1px 0; overflow-wrap: anywhere; }
.tile-note { color: var(--quiet); font-size: 13px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); } .axis { stroke: var(--line); }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--quiet); font-weight: 500; font-size: 13px; padding: 4px 12px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
.wide { overflow-x: auto; }
.tag { display: inline-block; border-radius: 99px; padding: 0 9px; font-size: 12px; background: var(--none-wash); color: var(--quiet); white-space: nowrap; }
.tag.good { background: var(--good-wash); color: var(--good); } .tag.bad { background: var(--bad-wash); color: var(--bad); }
footer { color: var(--quiet); font-size: 12.5px; margin-top: 26px; }
footer p { margin: 0 0 4px; }
@media (max-width: 760px) {
  .tiles { grid-template-columns: repeat(2, 1fr); }
  main { padding: 24px 14px; } h1 { font-size: 24px; }
}
@media print { body { background: #fff; } .card { break-inside: avoid; } }
`;
