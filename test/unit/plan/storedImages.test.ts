import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { registryHolds } from "../../../src/adapters/images/registryImage.ts";
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
    }).get("m")?.target;
  return { asked, sentences, read, plan };
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
    const { read, plan } = await planned(rows, { state: "gone" }, hash(1));
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

describe("a registry", () => {
  async function answering(status: number) {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(status).end();
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { host, seen, standing: await registryHolds(`${host}/truss/iris@sha256:${hash(1)}`) };
  }

  it("is asked for the manifest by its digest", async () => {
    const { seen, standing } = await answering(200);
    expect(seen).toEqual([`HEAD /v2/truss/iris/manifests/sha256:${hash(1)}`]);
    expect(standing).toEqual({ state: "stored" });
  });

  it("that has none says so, and one that wants credentials leaves it open", async () => {
    expect((await answering(404)).standing).toEqual({ state: "gone" });
    const { host, standing } = await answering(401);
    expect(standing).toEqual({ state: "unknown", because: `${host} answers HTTP 401` });
  });

  it("that does not answer leaves it open", async () => {
    expect(await registryHolds(`127.0.0.1:9/iris@sha256:${hash(1)}`)).toMatchObject({ state: "unknown" });
  });
});
