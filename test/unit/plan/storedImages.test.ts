import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { ImageStanding } from "../../../src/domain/zoo/goneImages.ts";
import type { RegisteredVersion } from "../../../src/domain/zoo/plan.ts";
import { emptyRegistry } from "../../../src/domain/zoo/registry.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";
import { withStoredImages } from "../../../src/plan/storedImages.ts";
import { planZoo, readFromFolders } from "../../../src/plan/zoo.ts";

const hash = (digit: number): string => String(digit).repeat(64);
const row = (number: number, change: Partial<RegisteredVersion> = {}): RegisteredVersion => ({
  ...{ id: `${10 + number}`, number, hash: hash(number), isCurrent: false, apps: 0 },
  image: `registry/m@sha256:${hash(number)}`,
  ...change,
});

/** A plan of model `m`, pinned to content 1, where images stand like this. */
async function planned(rows: RegisteredVersion[], standing: ImageStanding, folder = hash(2)) {
  const spec = parseEnvironment(
    { zoo: { m: { truss: "models/m", phase: "done", hash: hash(1) } } },
    { gatewayUrl: "http://gateway" },
  );
  const registry = { ...emptyRegistry, versions: new Map([["m", rows]]) };
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
      smoke: new Map(),
    }).get("m");
  return { asked, sentences, read, plan: () => plan()?.target, lines: () => plan()?.lines };
}

const rows = [row(1), row(2, { isCurrent: true })];

describe("a pinned content whose image", () => {
  it("is stored comes from it", async () => {
    const { asked, read, plan } = await planned(rows, { state: "stored" });
    expect(asked).toEqual([`registry/m@sha256:${hash(1)}`]);
    expect(read).toEqual([]);
    expect(plan()).toMatchObject({ number: 1, image: `registry/m@sha256:${hash(1)}` });
  });

  it("is gone is built again from the folder that has it, under its number", async () => {
    const { read, plan, lines } = await planned(rows, { state: "gone" }, hash(1));
    expect(lines()).toContain(
      "version 1 (registered as 11, built again, because its image is not stored any more), new apps use it",
    );
    expect(read).toEqual(["m"]);
    expect(plan()).toMatchObject({ number: 1, versionId: "11", image: undefined });
  });

  it("is gone, and no folder has it, is refused with what to do", async () => {
    const { plan } = await planned(rows, { state: "gone" });
    expect(plan).toThrow(
      `menagerie:zoo.m.hash: image registry/m@sha256:${hash(1)} of version 1 is not stored any more, and models/m has another content (222222222222); check out models/m as it was then, \`menagerie releases\` shows the commit, and it is built again`,
    );
  });

  it("cannot be asked for is taken to be there, and that is said", async () => {
    const { sentences, plan } = await planned(rows, { state: "unknown", because: "registry answers HTTP 401" });
    expect(sentences).toEqual([
      `whether registry/m@sha256:${hash(1)} is still there was not checked: registry answers HTTP 401`,
    ]);
    expect(plan()?.image).toBeDefined();
  });

  it.each([{ isCurrent: true }, { apps: 2 }])("serves now (%j) is not asked for", async (change) => {
    const { asked } = await planned([row(1, change)], { state: "gone" });
    expect(asked).toEqual([]);
  });
});
