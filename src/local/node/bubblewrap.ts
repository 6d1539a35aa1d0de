/** One folder or file of the host that a container sees. */
export interface ContainerMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What the sandbox of one container consists of. */
export interface ContainerSandbox {
  /** Mounted copy-on-write root, with its layers below it. */
  readonly root: string;
  /** Folders and files of the machine, at the same path, read-only. */
  readonly hostPaths: readonly string[];
  readonly mounts: readonly ContainerMount[];
  readonly workingDir: string;
  readonly env: ReadonlyMap<string, string>;
}

/** What Docker and containerd leave to a container's root user by default, without their prefix `CAP_`. */
export const capabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "NET_BIND_SERVICE",
  // Since Linux 5.12, nobody without it makes a user namespace that has root, as rootless builders do.
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
];

/**
 * Options of bubblewrap, in order: later mounts cover earlier ones. `--as-pid-1` lets signals reach the program;
 * `--die-with-parent` ties it to its container-shim, which outlives the node.
 */
export function bubblewrapOptions(sandbox: ContainerSandbox): string[] {
  const byDepth = [...sandbox.mounts].sort((a, b) => depth(a.target) - depth(b.target));
  return [
    ...["--bind", sandbox.root, "/"],
    ...sandbox.hostPaths.flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...byDepth.flatMap(({ source, target, readOnly }) => [readOnly ? "--ro-bind" : "--bind", source, target]),
    ...["--unshare-pid", "--as-pid-1", "--die-with-parent", "--json-status-fd", "3"],
    ...["--cap-drop", "ALL", ...capabilities.flatMap((name) => ["--cap-add", `CAP_${name}`])],
    ...["--chdir", sandbox.workingDir, "--clearenv"],
    ...[...sandbox.env].flatMap(([name, value]) => ["--setenv", name, value]),
  ];
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}
