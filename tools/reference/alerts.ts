import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { project } from "./declarations.ts";
import { code, generated, page, prose, table } from "./markdown.ts";
import { exportedMetrics } from "./metrics.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

/** docs/reference/alerts.md: every alert, with its rule, the metrics in it and its runbook. */
export function alertsPage(): string {
  const { groups } = load(readFileSync(join(project, "operations/prometheus-rules.yml"), "utf8")) as {
    groups: readonly { readonly rules: readonly Rule[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const known = new Set(exportedMetrics().map(({ name }) => name));
  const named = (expr: string): string[] =>
    [...new Set(expr.match(/menagerie_\w+/g))].filter((name) => known.has(name));
  const runbook = ({ annotations }: Rule): string => `[what to do](../${annotations.runbook.replace("docs/", "")})`;
  return page(
    "# Alerts",
    "Prometheus loads `operations/prometheus-rules.yml` as a rule file. The thresholds are a start: set them to what your models promise. `page` wakes somebody, `ticket` waits for the morning.",
    generated("`operations/prometheus-rules.yml`"),
    table(
      ["Alert", "Severity", "After", "Meaning", "Metrics", "Runbook"],
      rules.map((rule) => [
        rule.alert,
        rule.labels.severity,
        rule.for ?? "at once",
        prose(rule.annotations.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, "`$1`")),
        named(rule.expr)
          .map((name) => `[${code(name)}](metrics.md)`)
          .join(", "),
        runbook(rule),
      ]),
    ),
    ...rules.flatMap(({ alert, expr }) => [`## ${alert}`, `\`\`\`promql\n${expr.trim()}\n\`\`\``]),
  );
}
