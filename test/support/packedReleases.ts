import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { PinnedRelease } from "../../src/local/toolchain/sources/pins.ts";
import type { ReleaseServer } from "./releaseServer.ts";
import { tar } from "./tar.ts";

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A `.tar.gz` as release hosts have them, put on the server under its name; and its pin. */
export function archiveRelease(
  server: ReleaseServer,
  name: string,
  executables: Readonly<Record<string, Buffer | string>>,
): PinnedRelease {
  const path = `releases/${name}-v1-linux.tar.gz`;
  const entries = Object.entries(executables).map(([file, content]) => ({
    name: `${name}-v1/${file}`,
    content,
    mode: 0o755,
  }));
  const bytes = gzipSync(
    tar([{ name: `${name}-v1/`, type: "5" }, { name: `${name}-v1/README`, content: "…" }, ...entries]),
    {
      level: 1,
    },
  );
  server.files.set(path, bytes);
  return {
    name,
    version: "1",
    base: server.url,
    kind: "archive",
    path,
    architecture: "amd64",
    digest: sha256(bytes),
    executables: Object.fromEntries(Object.keys(executables).map((file) => [file, `${name}-v1/${file}`])),
  };
}

/** An image of two architectures with the executables in its second layer of three, put on the server; and its pin. */
export function imageRelease(
  server: ReleaseServer,
  repository: string,
  executables: Readonly<Record<string, Buffer | string>>,
): PinnedRelease {
  const put = (kind: string, bytes: Buffer) => {
    const digest = sha256(bytes);
    server.files.set(`v2/${repository}/${kind}/${digest}`, bytes);
    return { digest, size: bytes.length };
  };
  const layer = (files: Readonly<Record<string, Buffer | string>>) => {
    const entries = Object.entries(files).map(([file, content]) => ({ name: `usr/bin/${file}`, content, mode: 0o755 }));
    return put("blobs", gzipSync(tar(entries), { level: 1 }));
  };
  const layers = [layer({ base: "the base image" }), layer(executables), layer({ note: "laid over it" })];
  const manifest = put("manifests", Buffer.from(JSON.stringify({ schemaVersion: 2, layers })));
  const other = put(
    "manifests",
    Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [layer({ other: "machine" })] })),
  );
  const platform = (architecture: string) => ({ platform: { os: "linux", architecture } });
  const manifests = [
    { ...other, ...platform("arm64") },
    { ...manifest, ...platform("amd64") },
  ];
  const index = put("manifests", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return {
    name: repository,
    version: "1",
    base: server.url,
    kind: "image",
    path: repository,
    architecture: "amd64",
    digest: index.digest,
    executables: Object.fromEntries(Object.keys(executables).map((file) => [file, `usr/bin/${file}`])),
  };
}
