import { expect, it } from "vitest";
import { TrussBuildPipeline, type TrussBuildPipelineArgs } from "../../../components/trussBuildPipeline.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const args = (more: Partial<TrussBuildPipelineArgs>): TrussBuildPipelineArgs => ({
  namespace: "menagerie-builds",
  target: { kind: "registry", builderImage: "registry/buildkit@sha256:0", layerCache: false },
  resources: { cpu: "2", memory: "4Gi" },
  retries: 1,
  repository: "registry/truss",
  timeoutMinutes: 30,
  keep: 5,
  ...more,
});

it("images are built once everything that builds them is there", async () => {
  const made = await partsOf(() => {
    const { builder } = new TrussBuildPipeline("builds", args({}));
    return new OtherResource("Image", "iris", { pipeline: builder.pipeline });
  });
  expect(made("Image iris").options.dependsOn).toEqual(
    expect.arrayContaining(["Pipeline builds", "ServiceAccount builds", "NetworkPolicy builds"]),
  );
});

it("a volume on a folder of the machine is deleted before another is made: its source cannot be changed", async () => {
  const target = { kind: "directory", builderImage: "b", command: ["b"], store: "/store", cache: "/cache" } as const;
  const made = await partsOf(() => new TrussBuildPipeline("builds", args({ target })));
  const volumes = made.names.filter((name) => name.startsWith("PersistentVolume "));
  expect(volumes).toHaveLength(2);
  for (const name of volumes) expect(made(name).options).toMatchObject({ deleteBeforeReplace: true });
});
