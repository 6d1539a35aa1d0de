import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../../../src/domain/progress.ts";
import { runGo } from "../../../../src/local/toolchain/goCommand.ts";
import { ensureBinaries } from "../../../../src/local/toolchain/goTools.ts";
import { findOnPath } from "../../../../src/local/toolchain/present.ts";
import type { AnyTool } from "../../../../src/local/toolchain/tools.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "go-faults-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a module proxy that accepts a connection and says nothing", () => {
  let server: Server;
  const open = new Set<Socket>();

  beforeEach(async () => {
    server = createServer((socket) => open.add(socket.on("error", () => {}).resume()));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  });

  afterEach(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });

  it("ends the build with a sentence, and go with it", async () => {
    await writeFile(join(folder, "go.mod"), "module example.com/tool\n\ngo 1.24\n\nrequire example.com/store v1.0.0\n");
    const going = runGo({
      folder,
      purpose: "tool",
      log: join(folder, "log"),
      arguments: ["mod", "download"],
      stallAfter: 2_000,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        GOTOOLCHAIN: "local",
        GOFLAGS: "-mod=mod",
        GONOSUMDB: "*",
        GOPROXY: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      },
      signal: new AbortController().signal,
    });
    await expect(going).rejects.toThrow(/^building tool stopped, because nothing arrived from the Go module proxy/);
    expect(open.size).toBeGreaterThan(0);
    await expect.poll(() => [...open].every((socket) => socket.readableEnded || socket.destroyed)).toBe(true);
  });
});

/** Runs go with its temporary files on a disk of a few megabytes, in a mount namespace of its own. */
const smallDisk = `#!/bin/sh
[ "$1" = build ] || exec "$REAL_GO" "$@"
exec unshare --user --map-root-user --mount sh -c 'mount -t tmpfs -o size=$DISK none "$GOTMPDIR" && exec "$REAL_GO" "$@"' sh "$@"
`;

describe("a disk that fills while the compiler writes", () => {
  it("is one sentence, and leaves nothing half", async () => {
    await writeFile(join(folder, "go"), smallDisk, { mode: 0o755 });
    await mkdir(join(folder, "tool"));
    await writeFile(join(folder, "tool", "go.mod"), "module example.com/tool\n\ngo 1.24\n");
    await writeFile(join(folder, "tool", "main.go"), "package main\n\nfunc main() {}\n");
    const tool: AnyTool = {
      name: "tool",
      title: "tool",
      version: "1",
      module: join(folder, "tool"),
      packages: { tool: "." },
    };
    const REAL_GO = await findOnPath("go", process.env);
    const GOTMPDIR = await mkdtemp(join(folder, "temporary-"));
    const env = { ...process.env, GOTMPDIR, DISK: "200k", REAL_GO, PATH: `${folder}:${process.env.PATH}` };
    const cache = join(folder, "cache");
    const options = { cache, env, progress: silent, signal: new AbortController().signal, manifests: false };
    await expect(ensureBinaries([tool], options)).rejects.toThrow(
      /^building tool ran out of disk space; free about 8 GB/,
    );
    expect((await readdir(join(cache, "tools"))).filter((entry) => !entry.endsWith(".lock"))).toEqual([]);
  });
});
