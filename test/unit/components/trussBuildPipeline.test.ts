import { expect, it } from "vitest";
import { TrussBuildPipeline } from "../../../components/trussBuildPipeline.ts";
import type { RawEnvironment } from "../../../src/config/environment.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const digest = `sha256:${"0".repeat(64)}`;
const toRegistry: RawEnvironment = {
  nodeClass: "kwok",
  builds: {
    kind: "tekton",
    repository: "registry.example.com/truss",
    image: `registry.example.com/buildkit@${digest}`,
  },
};

it("images are built once everything that builds them is there", async () => {
  const made = await partsOf(() => {
    const environment = environmentOf(toRegistry);
    const { builder } = new TrussBuildPipeline("builds", { environment });
    expect(environment.builder).toBe(builder);
    return new OtherResource("Image", "iris", { pipeline: builder.pipeline });
  });
  expect(made("Image iris").options.dependsOn).toEqual(
    expect.arrayContaining(["Pipeline builds", "ServiceAccount builds", "NetworkPolicy builds"]),
  );
});

it("models of a program are built by the Pipeline that another program has", () => {
  expect(environmentOf(toRegistry).builder).toMatchObject({
    builder: "tekton",
    pipeline: { namespace: "menagerie-builds", repository: "registry.example.com/truss" },
  });
});

it("a volume on a folder of the machine is deleted before another is made: its source cannot be changed", async () => {
  const buildFolders = { store: "/store", cache: "/cache" };
  const made = await partsOf(() => {
    const environment = environmentOf({ builds: { kind: "tekton" } }, { buildFolders, serviceHash: "a1" });
    return new TrussBuildPipeline("builds", { environment });
  });
  const volumes = made.names.filter((name) => name.startsWith("PersistentVolume "));
  expect(volumes).toHaveLength(2);
  for (const name of volumes) expect(made(name).options).toMatchObject({ deleteBeforeReplace: true });
});

it("is refused where images are laid out on this machine", async () => {
  await partsOf(() => {
    expect(() => new TrussBuildPipeline("builds", { environment: environmentOf() })).toThrow("builds.kind: directory");
  });
});

it("is refused outside the checkout, whose code its step would run, in a sentence that names the key", async () => {
  const buildFolders = { store: "/store", cache: "/cache" };
  await partsOf(() => {
    const environment = environmentOf({ builds: { kind: "tekton" } }, { buildFolders });
    expect(() => new TrussBuildPipeline("builds", { environment })).toThrow("services.image is missing");
  });
});
