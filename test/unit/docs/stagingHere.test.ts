import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { configOf } from "../../support/stackGraph.ts";
import {
  describeStaging,
  differingPaths,
  type StagingSite,
  stagingDifferences,
  stagingHere,
  stagingSurroundings,
} from "../../support/staging/differences.ts";

/** The list of what test/soak/staging.test.ts changes of the committed file, and the page that shows it. */

const project = join(import.meta.dirname, "../../..");
const committed = readFileSync(join(project, "Pulumi.staging.yaml"), "utf8");
const digest = `sha256:${"1".repeat(64)}`;
const site: StagingSite = {
  servicesImage: `registry.registry.svc:5000/menagerie/services@${digest}`,
  repository: "registry.registry.svc:5000/models",
  builderImage: `test.local/buildkit@${digest}`,
  database: { host: "10.88.0.1", port: 5432 },
};
const keys = stagingDifferences.map(({ path }) => path.join("."));

describe("the stack file of staging as it runs here", () => {
  it("differs from the committed one in exactly the keys of the list", () => {
    expect(differingPaths(committed, stagingHere(committed, site)).sort()).toEqual([...keys].sort());
  });

  it("is a right one", () => {
    const spec = parseEnvironment(configOf(stagingHere(committed, site)), {});
    expect(spec).toMatchObject({ nodeClass: "kwok", serving: { mode: "Standard" }, database: site.database });
  });

  it("would show a key that is not in the list", () => {
    const other = stagingHere(committed, site).replace("percent: 10", "percent: 20");
    expect(differingPaths(committed, other)).toContain("menagerie:shadows.multiplier-next.percent");
  });

  it("is printed with each key and everything around it", () => {
    const printed = describeStaging(site);
    for (const each of [...keys, ...stagingSurroundings]) expect(printed).toContain(each);
  });

  it("is what docs/what-runs-where.md shows", () => {
    const page = readFileSync(join(project, "docs/what-runs-where.md"), "utf8");
    const [, section = ""] = /\n## The stack `staging`\n(.+)$/s.exec(page) ?? [];
    const rows = [...section.matchAll(/^\| `(\S+)` +\| (.+?) +\|$/gm)].map(([, key, why]) => [key, why]);
    expect(rows).toEqual(stagingDifferences.map(({ path, why }) => [path.join("."), why]));
    const around = [...section.matchAll(/^- (.+)$/gm)].map(([, each]) => each);
    expect(around).toEqual(stagingSurroundings);
  });
});
