import { describe, expect, it } from "vitest";
import {
  ImageMalformed,
  manifestFor,
  parseImageConfig,
  parseImageDocument,
  registryReference,
} from "../../../../src/domain/images/imageManifest.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const blob = (digit: string) => ({
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  digest: digest(digit),
  size: 7,
});

describe("a document of a registry", () => {
  it("is a manifest, or an index of them by platform, of which attestations are none", () => {
    const manifest = { schemaVersion: 2, config: blob("1"), layers: [blob("2")] };
    expect(parseImageDocument(JSON.stringify(manifest))).toMatchObject({
      kind: "manifest",
      manifest: { layers: [blob("2")] },
    });
    const platform = (os: string, architecture: string) => ({ platform: { os, architecture } });
    const found = parseImageDocument(
      JSON.stringify({
        manifests: [
          { ...blob("3"), ...platform("unknown", "unknown") },
          { ...blob("4"), ...platform("linux", "arm64") },
          { ...blob("5"), ...platform("linux", "amd64") },
        ],
      }),
    );
    if (found.kind !== "index") return expect.fail(found.kind);
    expect(manifestFor(found.index, "amd64")).toBe(digest("5"));
    expect(() => manifestFor(found.index, "riscv64")).toThrow(
      new ImageMalformed("it has no image for linux/riscv64, only for unknown/unknown, linux/arm64, linux/amd64"),
    );
  });

  it.each(["{}", "[]", "null", "not JSON", '{"config": {}, "layers": []}'])("is neither, where it says %s", (text) => {
    expect(() => parseImageDocument(text)).toThrow(ImageMalformed);
  });
});

describe("the config of an image", () => {
  it("says what its containers run; a variable may hold =, and be empty", () => {
    const config = { Entrypoint: ["python3"], Cmd: ["main.py"], Env: ["A=b=c", "EMPTY=", "BARE"], WorkingDir: "/app" };
    expect(parseImageConfig(JSON.stringify({ architecture: "amd64", config }))).toEqual({
      entrypoint: ["python3"],
      cmd: ["main.py"],
      workingDir: "/app",
      env: { A: "b=c", EMPTY: "", BARE: "" },
    });
  });

  it.each([{}, { config: null }, { config: { Entrypoint: null, Cmd: null, Env: null, WorkingDir: "" } }])(
    "may leave everything open: %j",
    (config) => {
      expect(parseImageConfig(JSON.stringify(config))).toEqual({ entrypoint: [], cmd: [], env: {}, workingDir: "/" });
    },
  );
});

describe("a reference", () => {
  it.each([
    [
      `registry.registry.svc:5000/menagerie/models/iris@${digest("1")}`,
      "registry.registry.svc:5000",
      "menagerie/models/iris",
    ],
    [`localhost/iris@${digest("1")}`, "localhost", "iris"],
  ])("%s names a registry and a repository", (reference, host, repository) => {
    expect(registryReference(reference)).toEqual({ host, repository, digest: digest("1") });
  });

  it.each([`library/iris@${digest("1")}`, "registry.example.com/iris:latest", `iris@${digest("1")}`])(
    "%s names none by digest",
    (reference) => {
      expect(registryReference(reference)).toBeUndefined();
    },
  );
});
