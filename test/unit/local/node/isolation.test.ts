import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Pod, V1Volume } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bubblewrapOptions } from "../../../../src/local/node/bubblewrap.ts";
import { releaseAllRuns } from "../../../../src/local/node/containerProcess.ts";
import { makeTemporaryFolder, systemFiles } from "../../../../src/local/node/containerRoot.ts";
import { execCommand, parseEnviron } from "../../../../src/local/node/execCommand.ts";
import { folderBelow, isInside, PathLeadsOut, pathBelow } from "../../../../src/local/node/pathBelow.ts";
import { runCommand } from "../../../../src/local/node/processes.ts";
import { containerMounts, fillVolumes, type VolumeSources } from "../../../../src/local/node/volumes.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "node-isolation-")));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a path that must stay in a folder", () => {
  it("is made part by part, and `..` stops at the folder", async () => {
    expect(await folderBelow(folder, "/../../a/./b//c")).toBe(join(folder, "a/b/c"));
    expect(await folderBelow(folder, "a/b")).toBe(join(folder, "a/b"));
    expect(await pathBelow(folder, "a/x", { make: false })).toBeUndefined();
    expect(await folderBelow(folder, "/")).toBe(folder);
  });

  it("may go over links that stay inside", async () => {
    await mkdir(join(folder, "real"));
    await symlink("real", join(folder, "link"));
    expect(await folderBelow(folder, "link/new")).toBe(join(folder, "real/new"));
  });

  it("is refused behind a link that leads out, and nothing is made there", async () => {
    const [inner, outer] = [join(folder, "inner"), join(folder, "outer")];
    for (const each of [inner, outer]) await mkdir(each);
    await symlink(outer, join(inner, "out"));
    await symlink("../outer/missing", join(inner, "nowhere"));
    for (const path of ["out", "out/new", "nowhere", "nowhere/new"]) {
      await expect(folderBelow(inner, path)).rejects.toThrow(PathLeadsOut);
    }
    expect(await readdir(outer)).toEqual([]);
  });

  it("is not taken for inside because its name begins alike", () => {
    expect([isInside("/a/b", "/a"), isInside("/a", "/a"), isInside("/ab", "/a"), isInside("/a", "/")]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });
});

describe("what a pod mounts of the host", () => {
  let hostRoot: string;
  beforeEach(() => {
    hostRoot = join(folder, "volumes");
  });

  /** Sources of a cluster with one PersistentVolume, which `claim` is bound to. */
  function sources(volumePath: string): VolumeSources {
    const objects = {
      get: async (path: string) =>
        path.includes("claims")
          ? { status: { phase: "Bound" }, spec: { volumeName: "pv" } }
          : { spec: { local: { path: volumePath } } },
    };
    const parts: Pick<VolumeSources, "hostRoot" | "administratorRoots"> = {
      hostRoot,
      administratorRoots: [join(folder, "images")],
    };
    return { ...parts, objects } as unknown as VolumeSources;
  }

  async function fill(volume: Partial<V1Volume>, volumePath = ""): Promise<string | undefined> {
    const pod: V1Pod = { spec: { containers: [], volumes: [{ name: "v", ...volume }] } };
    return (await fillVolumes(pod, join(folder, "pod"), sources(volumePath))).get("v");
  }

  const claim = { persistentVolumeClaim: { claimName: "claim" } };

  it("lies in the folder for it, which only its owner reads", async () => {
    const path = join(hostRoot, "models");
    expect(await fill({ hostPath: { path, type: "DirectoryOrCreate" } })).toBe(path);
    expect(await fill(claim, path)).toBe(path);
    expect((await stat(hostRoot)).mode & 0o777).toBe(0o700);
    await expect(fill({ hostPath: { path: `${path}/none` } })).rejects.toThrow("does not exist on the node");
  });

  it("is refused elsewhere, by hostPath and by claim alike", async () => {
    await mkdir(join(folder, "pki"));
    for (const path of [join(folder, "pki"), join(hostRoot, "../pki"), "/"]) {
      const sentence = `"${path}": only paths below ${hostRoot} can be mounted`;
      await expect(fill({ hostPath: { path } })).rejects.toThrow(sentence);
      await expect(fill(claim, path)).rejects.toThrow(sentence);
    }
  });

  it("may be the image store by a PersistentVolume, which the administrator makes, and not by hostPath", async () => {
    const store = join(folder, "images");
    await mkdir(store);
    expect(await fill(claim, store)).toBe(store);
    await expect(fill({ hostPath: { path: store } })).rejects.toThrow("can be mounted");
    await symlink("../pki", join(store, "link"));
    await mkdir(join(folder, "pki"));
    await expect(fill(claim, join(store, "link"))).rejects.toThrow();
    await expect(fill(claim, `${store}-other`)).rejects.toThrow("can be mounted");
  });

  it("is refused where a link leads out of the folder", async () => {
    await mkdir(join(folder, "pki"));
    await mkdir(hostRoot);
    await symlink("../pki", join(hostRoot, "link"));
    const path = join(hostRoot, "link");
    await expect(fill({ hostPath: { path } })).rejects.toThrow("can be mounted");
    await expect(fill(claim, path)).rejects.toThrow("can be mounted");
    await expect(fill({ hostPath: { path: `${path}/new`, type: "DirectoryOrCreate" } })).rejects.toThrow();
    expect(await readdir(join(folder, "pki"))).toEqual([]);
  });

  it("makes a missing subPath, but not behind a link that a container left", async () => {
    const [volume, outside] = [join(folder, "volume"), join(folder, "outside")];
    for (const each of [volume, outside]) await mkdir(each);
    await symlink(outside, join(volume, "left"));
    const mounts = (subPath: string) => {
      const container = { name: "c", volumeMounts: [{ name: "v", mountPath: "/m", subPath }] };
      return containerMounts({}, container, new Map([["v", volume]]), new Map());
    };
    expect(await mounts("a/b")).toEqual([{ source: join(volume, "a/b"), target: "/m", readOnly: false }]);
    await expect(mounts("left/new")).rejects.toThrow('subPath "left/new" leads out of its volume');
    await expect(mounts("../outside")).rejects.toThrow('without ".."');
    expect(await readdir(outside)).toEqual([]);
  });
});

describe("a container's view of the machine", () => {
  it("has authorities to trust, and none of the folders where private keys lie", () => {
    expect(systemFiles).toContain("/etc/ssl/certs");
    for (const secret of ["/etc/ssl/private", "/etc/pki/tls/private", "/etc/pki/nssdb", "/opt", "/etc/shadow"]) {
      expect(systemFiles.filter((path) => isInside(secret, path) || isInside(path, secret))).toEqual([]);
    }
  });
});

describe("/tmp of a container", () => {
  it("is made for everybody", async () => {
    await makeTemporaryFolder(folder);
    expect((await stat(join(folder, "tmp"))).mode & 0o7777).toBe(0o1777);
  });

  it("is refused where the image has a link, whose target keeps its permissions", async () => {
    await mkdir(join(folder, "outside"), { mode: 0o700 });
    await mkdir(join(folder, "root"));
    await symlink(join(folder, "outside"), join(folder, "root/tmp"));
    await expect(makeTemporaryFolder(join(folder, "root"))).rejects.toThrow("/tmp of the image is a symbolic link");
    expect((await stat(join(folder, "outside"))).mode & 0o777).toBe(0o700);
  });
});

describe("a command that is run in a container", () => {
  const environ = parseEnviron("PATH=/bin\0LD_PRELOAD=/tmp/evil.so\0A=b=c\0GLIBC_TUNABLES=x\0TOKEN=secret\0broken\0");
  const { command, args, env } = execCommand(7, environ, ["sh", "-c", "true"]);

  it("gets the container's variables, of which nsenter sees none that loads code", () => {
    expect(command).toBe("/usr/bin/nsenter");
    expect(env).toEqual({ PATH: "/bin", A: "b=c", TOKEN: "secret" });
    const inside = args.slice(args.indexOf("/usr/bin/env"));
    expect(inside).toEqual(["/usr/bin/env", "LD_PRELOAD=/tmp/evil.so", "GLIBC_TUNABLES=x", "sh", "-c", "true"]);
    expect(args.join(" ")).not.toContain("secret");
  });

  it("has the capabilities of the container and no other", () => {
    const options = bubblewrapOptions({
      root: "/r",
      hostPaths: [],
      mounts: [],
      workingDir: "/",
      env: new Map(),
    });
    const given = options.filter((option) => option.startsWith("CAP_")).map((name) => name.slice(4).toLowerCase());
    expect(args).toContain(`--bounding-set=-all,${given.map((name) => `+${name}`).join(",")}`);
    expect(args.indexOf("/usr/bin/setpriv")).toBeLessThan(args.indexOf("/usr/bin/env"));
    expect(given).not.toContain("sys_admin");
  });
});

describe("a short command", () => {
  it("answers with its own exit code though a daemon that it left holds its output", async () => {
    const pidFile = join(folder, "pid");
    const script = `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 60' & while ! [ -s ${pidFile} ]; do sleep 0.01; done; echo said; exit 3`;
    const result = await runCommand("/bin/sh", ["-c", script], { timeout: 5_000 });
    process.kill(Number(await readFile(pidFile, "utf8")), "SIGKILL");
    expect(result).toEqual({ code: 3, output: "said\n" });
  });

  it("is killed when its time is over", async () => {
    expect(await runCommand("/bin/sh", ["-c", "echo begun; sleep 60"], { timeout: 3_000 })).toEqual({
      code: undefined,
      output: "begun\n",
    });
  });
});

describe("the end of a pod", () => {
  it("releases every run of every container, also those that no record names", async () => {
    for (const run of ["main/0", "main/1", "init/0"]) await mkdir(join(folder, run, "upper"), { recursive: true });
    await writeFile(join(folder, "main/0.log"), "kept");
    await releaseAllRuns(folder);
    for (const run of ["main/0", "main/1", "init/0"]) expect(existsSync(join(folder, run, "upper"))).toBe(false);
    expect(existsSync(join(folder, "main/0.log"))).toBe(true);
    await releaseAllRuns(join(folder, "none"));
  });
});
