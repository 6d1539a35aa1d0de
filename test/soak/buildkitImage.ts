import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RegistryTools } from "../support/testTools.ts";

/**
 * What rootlesskit does in BuildKit's image. Pods of the local nodes have one user id, which is enough; the tree of cgroups,
 * which a RUN step's container wants to see, they do not have.
 */
const inUserNamespace = `#!/bin/sh
mkdir -p /sys/fs/cgroup
exec unshare --user --map-root-user --mount --cgroup sh -c '
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  exec /buildkit/buildkitd --rootless --config=/buildkit/buildkitd.toml --root=/home/user/.local/share/buildkit \
    --oci-worker-snapshotter=overlayfs "$@"
' buildkitd "$@"
`;

/**
 * Runs a RUN step's container by runc, without what those pods cannot give it: the group of terminals, and seccomp, for which runc
 * needs a C library that is not everywhere.
 */
const runcHere = `#!/usr/bin/python3
import json, os, sys
if "--bundle" in sys.argv:
    file = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(file) as config:
        spec = json.load(config)
    spec["linux"].pop("seccomp", None)
    for mount in spec["mounts"]:
        mount["options"] = [each for each in mount.get("options", []) if each != "gid=5"]
    with open(file, "w") as config:
        json.dump(spec, config)
os.execv("/buildkit/runc-itself", ["runc", *sys.argv[1:]])
`;

/** Variables of containers of that image. */
export const buildkitEnvironment = {
  PATH: "/buildkit:/usr/local/bin:/usr/bin:/bin",
  BUILDKITD: "/buildkit/in-user-namespace",
};

/** `buildkitd.toml` with a mirror for Docker's own registry. */
export function buildkitConfig(mirror: string): string {
  return `[registry."docker.io"]\n  mirrors = ["${mirror}"]\n`;
}

/** Fills a root folder with what the steps of the Task for a registry find in rootless BuildKit's own image. */
export async function putBuildkit(root: string, tools: RegistryTools, config = ""): Promise<void> {
  const folder = join(root, "buildkit");
  await mkdir(folder, { recursive: true });
  for (const name of ["buildkitd", "buildctl"] as const) await copyFile(tools[name], join(folder, name));
  await copyFile(tools.runc, join(folder, "runc-itself"));
  const scripts = {
    runc: runcHere,
    "in-user-namespace": inUserNamespace,
    "buildctl-daemonless.sh": await readFile(tools.daemonless, "utf8"),
  };
  for (const [name, script] of Object.entries(scripts)) await writeFile(join(folder, name), script, { mode: 0o755 });
  await writeFile(join(folder, "buildkitd.toml"), config);
  for (const path of ["build", "home/user/.local/share/buildkit"]) await mkdir(join(root, path), { recursive: true });
}

/** What the registries of tests let in; the hash is bcrypt's, of `valid`. */
export const registryUser = {
  name: "builder",
  htpasswd: "builder:$2b$05$zTNbLZoV6/zfhcAqjodYtutZHtctf0laJOq10m08DPMcNIpDFYiHa\n",
};

/** `config.json` with a password of that user for a registry. */
export function dockerConfig(host: string, password: string): string {
  const auth = Buffer.from(`${registryUser.name}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [host]: { auth } } });
}

/** What the registry is told in registry.yaml, for a folder of its own. */
export function registryConfig(options: {
  readonly address: string;
  readonly storage: string;
  readonly htpasswd: string;
  /** @default plain HTTP */
  readonly tls?: { readonly certificate: string; readonly key: string };
}): string {
  return JSON.stringify({
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: options.storage } },
    http: { addr: options.address, ...(options.tls ? { tls: options.tls } : {}) },
    auth: { htpasswd: { realm: "registry", path: options.htpasswd } },
  });
}
