import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { emptyRegistry } from "../../../src/domain/zoo/registry.ts";
import { withMigrationTarget } from "../../../src/plan/migrationTarget.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";

/** When a rollout has to name its versions' ids in the table of `menagerie:migrationTarget`; with the table itself, see test/integration. */

const hash = "a".repeat(64);

/** Plans model `m`, which is in phase `recorded`, with a config that names no ids of the table. */
function planned(recorded: Phase | undefined, entry: object) {
  const raw = { zoo: { m: { truss: "models/m", ...entry } }, migrationTarget: { table: "oracles_oracleversion" } };
  const spec = parseEnvironment(raw, { gatewayUrl: "http://gateway", databaseAddress: "127.0.0.1:1" });
  const rollout = { model: "m", from: "3", hash, since: new Date(0), bakeSecondsLeft: undefined };
  const rollouts = new Map(recorded ? [["m", { ...rollout, phase: recorded }]] : []);
  const platform = { basis: "read", registry: { ...emptyRegistry, rollouts } } as unknown as PlatformPlan;
  const options = { environmentUrl: undefined, configUrl: undefined, preview: true, stack: "staging" };
  return withMigrationTarget(spec, platform, options).then((plan) => plan === platform);
}

describe("ids of the apps' table", () => {
  it.each<[string, Phase | undefined, object]>([
    ["a rollout that is done, whose old version is still named", "done", { phase: "done", from: "3" }],
    ["a model without a rollout", "done", { phase: "done" }],
    ["a new model", undefined, { phase: "done" }],
    ["a rollout that moves nobody yet", "copy", { phase: "version", from: "3" }],
  ])("are not demanded of %s", async (_, recorded, entry) => {
    expect(await planned(recorded, entry)).toBe(true);
  });

  it.each<[Phase, string]>([
    ["version", "forward"],
    ["forward", "bake"],
    ["bake", "done"],
    ["forward", "reverted"],
  ])("are demanded of a rollout that goes from %s to %s", async (recorded, phase) => {
    await expect((async () => planned(recorded, { phase, from: "3" }))()).rejects.toThrow(
      /^menagerie:zoo\.m\.apps: .*oracles_oracleversion/,
    );
  });
});

it("a shell that lacks its url is refused at preview, with the key and the variable's name", async () => {
  const entry = { phase: "forward", from: "3", apps: { from: "31", to: "32" } };
  await expect((async () => planned("version", entry))()).rejects.toThrow(
    /^menagerie:migrationTarget\.databaseUrl: missing; run `pulumi config set --secret .*`, or set MENAGERIE_MIGRATION_DATABASE_URL$/,
  );
});
