import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownConfig } from "../../../src/config/ownConfig.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { DeploymentRange } from "../../../src/domain/release/record.ts";
import { schemes } from "../../../src/domain/release/scheme.ts";
import { timelinePage } from "../../../src/domain/release/timeline/page.ts";
import { byAnUp } from "../../support/deploymentRange.ts";

/** The configs that a page of the docs shows. */
function configsIn(page: string): string[] {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  return [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = ""]) => block);
}
const blocks = configsIn("releases.md");

describe("the configs in docs/releases.md", () => {
  it("are of every scheme", () => {
    const used = blocks.map(
      (block) => parseEnvironment(ownConfig(block, "docs"), { gatewayUrl: "http://g" }).versioning.scheme,
    );
    expect(used.sort()).toEqual([...schemes].sort());
  });
});

describe("the configs in docs/state.md", () => {
  it.each(configsIn("state.md"))("are right: %s", (block) => {
    const keys = ownConfig(`config:\n${block.replaceAll(/^/gm, "  ")}`, "docs");
    const { state } = parseEnvironment({ ...keys, nodeClass: "local" }, { gatewayUrl: "http://g" });
    expect(state?.schemas).toBe("state");
  });
});

const range = (id: number, change: Partial<DeploymentRange> = {}): DeploymentRange => ({
  id: String(id),
  environment: "prod",
  tag: `release-${id}`,
  ...byAnUp,
  code: "1.0.0",
  models: [{ name: "iris", version: 1, hash: "a".repeat(64), digest: null, source: "zoo", service: "iris-v1" }],
  since: new Date(Date.UTC(2026, 0, id)),
  until: new Date(Date.UTC(2026, 0, id + 1)),
  stateSchema: null,
  ...change,
});

describe("a timeline page", () => {
  const now = Date.UTC(2026, 0, 9);

  it("has a lane for each environment's releases and models, one band for a model that stays", () => {
    const page = timelinePage(
      [range(1), range(2, { until: null }), range(3, { environment: "staging", until: null })],
      now,
    );
    expect(page.match(/<h2>/g)).toHaveLength(2);
    expect(page.match(/<g class="release /g)).toHaveLength(3);
    expect(page.match(/<g class="model /g)).toHaveLength(2);
    expect(page).toContain("prefers-color-scheme: dark");
  });

  it("needs nothing from elsewhere, and shows text as text", () => {
    const page = timelinePage([range(1, { requestedBy: '<script src="https://x">', until: null })], now);
    expect(page).not.toMatch(/<script|<link|@import|url\(|src="http/);
    expect(page).toContain("&#60;script src=&#34;https://x&#34;&#62;");
  });

  it("marks what did not come to what was intended", () => {
    expect(timelinePage([range(1, { outcome: "mixed", reason: "iris: v1 instead of v2" })], now)).toMatch(
      /class="release mixed /,
    );
  });

  it("is a page too when nothing was deployed", () =>
    expect(timelinePage([], now)).toContain("Nothing was deployed yet."));
});
