import type { Machine, PackageKey } from "./check.ts";

/** How one distribution family installs packages. */
interface PackageManager {
  readonly command: string;
  readonly refresh?: readonly string[];
  readonly install: readonly string[];
  readonly names: Readonly<Record<PackageKey, readonly string[]>>;
}

const managers: readonly PackageManager[] = [
  {
    command: "apt-get",
    refresh: ["apt-get", "update"],
    install: ["apt-get", "install", "--yes", "--no-install-recommends"],
    names: {
      "util-linux": ["util-linux", "mount"],
      iproute2: ["iproute2"],
      bubblewrap: ["bubblewrap"],
      python: ["python3", "python3-venv"],
    },
  },
  {
    command: "dnf",
    install: ["dnf", "install", "--assumeyes"],
    names: { "util-linux": ["util-linux"], iproute2: ["iproute"], bubblewrap: ["bubblewrap"], python: ["python3"] },
  },
  {
    command: "apk",
    install: ["apk", "add"],
    names: {
      // Alpine has util-linux in many small packages.
      "util-linux": ["util-linux", "util-linux-misc", "setpriv", "flock", "mount", "umount"],
      iproute2: ["iproute2"],
      bubblewrap: ["bubblewrap"],
      python: ["python3", "py3-pip"],
    },
  },
  {
    command: "pacman",
    install: ["pacman", "-Sy", "--needed", "--noconfirm"],
    names: { "util-linux": ["util-linux"], iproute2: ["iproute2"], bubblewrap: ["bubblewrap"], python: ["python"] },
  },
];

/** Commands that install these packages on this machine, or undefined where no known package manager is. */
export async function installCommands(
  packages: readonly PackageKey[],
  machine: Machine,
): Promise<readonly (readonly string[])[] | undefined> {
  for (const manager of managers) {
    if ((await machine.run([manager.command, "--version"])).code !== 0) continue;
    const names = [...new Set(packages.flatMap((key) => manager.names[key]))];
    return [...(manager.refresh ? [manager.refresh] : []), [...manager.install, ...names]];
  }
  return undefined;
}
