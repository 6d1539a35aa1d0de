import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { expect, it } from "vitest";
import { ofServices } from "../../../src/adapters/images/checkoutImage.ts";

const project = join(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(project, path), "utf8");
const { groups } = load(read("operations/prometheus-rules.yml")) as {
  groups: { rules: { alert: string; expr: string; annotations: { runbook: string } }[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules);

const { panels } = JSON.parse(read("operations/grafana-dashboard.json")) as {
  panels: { title: string; description: string; targets: { expr: string }[] }[];
};

it("alerts and panels name metrics that the services export", () => {
  const services = ["api", "guard", "recorder"].map((service) => `src/services/${service}/metrics.ts`);
  // Names that autoscalers ask for too.
  const sources = [...services, "src/domain/traffic/loadQuery.ts"].map(read).join("");
  const exported = new Set([...sources.matchAll(/"(menagerie_\w+)"/g)].map(([, name]) => name));
  for (const { expr } of [...alerts, ...panels.flatMap(({ targets }) => targets)]) {
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

it("every alert is named by the panel that shows it", () => {
  const shown = panels.flatMap(({ description }) => [...description.matchAll(/Alert (\w+)/g)].map(([, name]) => name));
  expect(new Set(shown)).toEqual(new Set(alerts.map(({ alert }) => alert)));
});

it("the services' image holds what their directory image does", () => {
  const dockerfile = read("operations/services.Dockerfile");
  const copied = [...dockerfile.matchAll(/^COPY (src\/\w+|package\.json) /gm)].map(([, path]) => path);
  expect(new Set(copied)).toEqual(new Set(ofServices));
  const ignored = read(".dockerignore");
  for (const path of copied) expect(ignored).toContain(`!${path}`);
});
