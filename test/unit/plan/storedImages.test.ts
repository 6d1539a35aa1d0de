import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { ImageStanding } from "../../../src/domain/zoo/goneImages.ts";
import type { RegisteredVersion } from "../../../src/domain/zoo/plan.ts";
import type { StoredEvidence, StoredRollout, ZooRegistry } from "../../../src/domain/zoo/registry.ts";
import { digestOf, suiteOf } from "../../../src/domain/zoo/smoke.ts";
import { readFromFolders } from "../../../src/plan/content.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";
import { withStoredImages } from "../../../src/plan/storedImages.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { irisServing } from "../../support/irisServing.ts";
import { contentOf, registeredVersion } from "../../support/registeredVersion.ts";

/** A plan of model `m`, pinned to content 1, where images stand like this. */
async function planned(
  rows: RegisteredVersion[],
  standing: ImageStanding,
  folder = contentOf(2),
  entry: object = {},
  rollout?: StoredRollout,
  evidence: readonly StoredEvidence[] = [],
) {
  const model = { truss: "models/m", phase: "done", hash: contentOf(1), ...entry };
  const spec = parseEnvironment({ zoo: { m: model } }, { gatewayUrl: "http://gateway" });
  const registry: ZooRegistry = {
    versions: new Map([["m", rows]]),
    evidence,
    rollouts: rollout ? new Map([["m", rollout]]) : new Map(),
  };
  const asked: string[] = [];
  const { platform, sentences } = await withStoredImages(
    spec,
    { basis: "read", registry } as unknown as PlatformPlan,
    async (image) => {
      asked.push(image);
      return standing;
    },
  );
  const read = Object.keys(readFromFolders(spec, platform));
  const plan = () =>
    planZoo(spec, {
      platform,
      hashes: new Map([["models/m", folder]]),
      secretsOf: () => [],
      smoke: new Map([["m", []]]),
    }).get("m");
  return {
    asked,
    sentences,
    read,
    plan: () => plan()?.target,
    lines: () => plan()?.lines,
    warned: () => plan()?.warnings,
  };
}

const rows = [registeredVersion(1), registeredVersion(2, { isCurrent: true })];

describe("a pinned content whose image", () => {
  it("is stored comes from it", async () => {
    const { asked, read, plan } = await planned(rows, { state: "stored" });
    expect(asked).toEqual([`registry/m@sha256:${contentOf(1)}`]);
    expect(read).toEqual([]);
    expect(plan()).toMatchObject({ number: 1, image: `registry/m@sha256:${contentOf(1)}` });
  });

  it("is gone is built again from the folder that has it, under its number", async () => {
    const { read, plan, lines } = await planned(rows, { state: "gone" }, contentOf(1));
    expect(lines()).toContain(
      "version 1 (registered as 11, built again, because its image is not stored any more), new apps use it",
    );
    expect(read).toEqual(["m"]);
    expect(plan()).toMatchObject({ number: 1, versionId: "11", image: undefined });
  });

  it("is gone, and no folder has it, is refused with what to do", async () => {
    const { plan } = await planned(rows, { state: "gone" });
    expect(plan).toThrow(
      `menagerie:zoo.m.hash: image registry/m@sha256:${contentOf(1)} of version 1 is not stored any more, and models/m has another content (222222222222); check out models/m as it was then, \`menagerie releases\` shows the commit, and it is built again`,
    );
  });

  it("cannot be asked for is taken to be there, and that is said", async () => {
    const { sentences, plan } = await planned(rows, { state: "unknown", reason: "registry answers HTTP 401" });
    expect(sentences).toEqual([
      `whether registry/m@sha256:${contentOf(1)} is still there was not checked: registry answers HTTP 401`,
    ]);
    expect(plan()?.image).toBeDefined();
  });
});

describe("a version that is needed while its image is gone", () => {
  const serving = { ...irisServing, truss: "models/m" };
  const served = (number: number, change: Partial<RegisteredVersion>) =>
    registeredVersion(number, { serving, ...change });
  const apps = { apps: 7, waitedFor: ["20", "21", "22", "23", "24"] };

  it.each<[string, object, object, object, string[], string[]]>([
    [
      "is built again where the folder has its content",
      { hash: undefined, phase: "done" },
      { phase: "done", from: undefined, hash: contentOf(2) },
      { 1: {}, 2: { isCurrent: true } },
      ["version 2: its image is not stored any more, and is built again from models/m"],
      [],
    ],
    [
      "is told with its apps where its row serves it",
      { hash: undefined, phase: "forward", from: "11" },
      { phase: "forward", from: "11", hash: contentOf(2) },
      { 1: apps, 2: { isCurrent: true, apps: 1, waitedFor: ["30"] } },
      ["version 2: its image is not stored any more, and is built again from models/m"],
      [
        `menagerie:zoo.m: image registry/m@sha256:${contentOf(1)} of version 1 is not stored any more, so no pod of it can start again, and 7 apps (20, 21, 22, 23, 24 and 2 more) point at it, phase reverted needs it; push it again, or move what uses it to another version`,
      ],
    ],
    [
      "is told with the way to build it where its content is pinned",
      { hash: contentOf(1) },
      { phase: "done", from: undefined, hash: contentOf(1) },
      { 1: { isCurrent: true } },
      [],
      [
        `menagerie:zoo.m: image registry/m@sha256:${contentOf(1)} of version 1 is not stored any more, so no pod of it can start again, and new apps use it; check out models/m with that content and remove menagerie:zoo.m.hash, and \`up\` builds it again`,
      ],
    ],
    [
      "is nobody's where the model is off",
      { hash: undefined, phase: "off" },
      { phase: "off", from: undefined, hash: contentOf(1) },
      { 1: { isCurrent: true } },
      [],
      [],
    ],
  ])("%s", async (_what, entry, rollout, versions, rebuilt, warnings) => {
    const rows = Object.entries(versions).map(([number, change]) => served(Number(number), change));
    const recorded = { model: "m", since: new Date(0), bakeSecondsLeft: undefined, ...rollout } as StoredRollout;
    const evidence = { kind: "smoke", suite: suiteOf([]), model: "m", hash: contentOf(2), passed: true, evidence: {} };
    const { lines, warned } = await planned(rows, { state: "gone" }, contentOf(2), entry, recorded, [
      { ...evidence, id: "1", evidenceHash: digestOf({}), at: new Date(0) },
    ]);
    expect(lines()?.filter((line) => line.includes("image"))).toEqual(rebuilt);
    expect(warned()).toEqual(warnings);
  });

  it("is taken to be there where nobody can be asked, which is told once for all", async () => {
    const rows = [served(1, { apps: 2 }), served(2, { isCurrent: true })];
    const recorded = { model: "m", since: new Date(0), bakeSecondsLeft: undefined, phase: "done", from: undefined };
    const { sentences, warned } = await planned(
      rows,
      { state: "unknown", reason: "registry answers HTTP 500" },
      contentOf(2),
      { hash: undefined },
      { ...recorded, hash: contentOf(2) } as StoredRollout,
    );
    expect(sentences).toEqual([
      "whether the images of 2 versions that serve are still there was not checked: registry answers HTTP 500",
    ]);
    expect(warned()).toEqual([]);
  });
});
