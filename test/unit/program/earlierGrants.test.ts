import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { PlatformDatabase } from "../../../components/platformDatabase.ts";
import { PredictionStore } from "../../../components/predictionStore.ts";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import { partsOfUrn } from "../../../src/domain/preview/preview.ts";
import type { PlannedState } from "../../../src/domain/release/plannedState.ts";
import type { EarlierGrants } from "../../../src/plan/earlierGrants.ts";
import { declareEarlierGrants } from "../../../src/program/earlierGrants.ts";
import released from "../../fixtures/earlierGrants/declared.json" with { type: "json" };
import { emptyPlatform, environmentOf, statesOf } from "../../support/componentEnvironment.ts";
import { declaredBy, playEngine } from "../../support/playedEngine.ts";

/** Grants that leave, beside those of the last version that declared them (test/fixtures/earlierGrants). */

beforeAll(() => playEngine());

const schema = "shadow_next_primary";

function stateOf(tag: string, from: string | null): PlannedState {
  const tables = [
    { name: "item", seed: "copy", from },
    { name: "model", seed: "view", from },
  ] as const;
  return { tag, schema: tag, seedFrom: from, declared: "<declared>", tables, views: ["shown"], sequences: true };
}

/** What is declared for a stack whose last `up` left `earlier`, and the output that it answers. */
async function leaving(earlier: EarlierGrants | undefined) {
  const { answer, declared } = await declaredBy(() => {
    const states = [stateOf("v2", "v1"), stateOf("v1", null)] as const;
    const environment = environmentOf({}, { platform: emptyPlatform, state: statesOf(...states) });
    const { postgres } = environment;
    const tables = new PlatformDatabase("platform", { environment });
    const releases = states.map((state) => {
      return { state, schema: new ReleaseSchema(state.tag, { environment, schemas: "state" }) };
    });
    const stored = { schema, retentionDays: 30, secretName: "recorder" };
    const store = new PredictionStore("next-primary", { environment, ...stored });
    return declareEarlierGrants({
      facts: { platform: { earlierGrants: earlier } },
      parts: { tables, releases, stores: { "next-primary": store } },
      postgres,
    });
  });
  const rights = await new Promise((resolve) => pulumi.output(answer).apply((value) => resolve(value)));
  const grants = declared.flatMap(({ request, inputs }) => {
    if (!request.getType().endsWith(":Grant")) return [];
    // What is under the stack's root, no component's dependents depend on.
    expect(request.getParent()).not.toContain("menagerie:");
    const [alias] = request.getAliasesList().map((each) => each.getSpec()?.getParenturn() ?? "");
    const { type, name } = partsOfUrn(alias ?? "");
    const options = { retainOnDelete: request.getRetainondelete() };
    return [{ name: request.getName(), parent: `${type} ${name}`, inputs, ...options }];
  });
  return { rights, grants };
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
const isGrant = ({ type }: { type: string }): boolean => type.endsWith(":Grant");

describe("grants of an earlier version", () => {
  it("are declared as they were, each where it was, and retained", async () => {
    const { rights, grants } = await leaving({ schemas: new Set(["v1", "v2", schema]) });
    const expected = released
      .filter(isGrant)
      .map(({ name, parent, inputs }) => ({ name, parent, inputs, retainOnDelete: true }));
    expect(expected.length).toBe(71);
    expect(grants.sort(byName)).toEqual(expected.sort(byName));
    expect(rights).toBe("sql");
  });

  it("are all that a stack may have where its last `up` left no outputs", async () => {
    expect((await leaving({ schemas: undefined })).grants).toHaveLength(71);
  });

  it("are not those of a release that is new", async () => {
    const { grants } = await leaving({ schemas: new Set(["v1"]) });
    expect(new Set(grants.map(({ parent }) => parent))).toEqual(
      new Set(["menagerie:database:PlatformDatabase platform", "menagerie:release:ReleaseSchema v1"]),
    );
  });

  it("are none once the last `up` found them left, and in a new stack", async () => {
    expect(await leaving(undefined)).toEqual({ rights: "sql", grants: [] });
  });
});
