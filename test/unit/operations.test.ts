import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";

const project = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");
const { groups } = parse(read("operations/prometheus-rules.yml")) as {
  groups: { rules: { alert: string; expr: string; annotations: { runbook: string } }[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules);

it("alerts name metrics that the services export", () => {
  const sources = read("src/services/api/metrics.ts") + read("src/services/recorder/metrics.ts");
  const exported = new Set([...sources.matchAll(/name: "(menagerie_\w+)"/g)].map(([, name]) => name));
  for (const { expr } of alerts) {
    const named = [...expr.matchAll(/menagerie_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ""));
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(exported).toContain(name);
  }
});

it("each alert has a runbook, and each runbook an alert", () => {
  const sections = [...read("docs/runbooks.md").matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook).toBe(`docs/runbooks.md#${alert.toLowerCase()}`);
  }
});
