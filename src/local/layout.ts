import { createHash } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { refuse } from "./refusals.ts";

export { menagerieCache } from "../adapters/files/cacheFolder.mjs";

/** Where one embedded environment keeps everything it owns. All paths are absolute. */
export interface EnvironmentLayout {
  /** Name of the environment, as in `--environment`; default `local`. */
  readonly name: string;
  /** The folder that holds this environment and others: see {@link menagerieHome}. */
  readonly home: string;
  readonly root: string;
  /** Ports, creation time and other choices made once: see `EnvironmentState`. */
  readonly stateFile: string;
  /** Certificate authority, certificates, and one kubeconfig for each part. */
  readonly pki: string;
  readonly etcd: string;
  readonly postgres: string;
  readonly pulumi: { readonly home: string; readonly backend: string; readonly passphraseFile: string };
  /** Image store: directory images keyed by digest. */
  readonly images: string;
  /** Docker config with the logins of the nodes, beside the pull secrets of pods; need not be there. */
  readonly registryLogins: string;
  /** One folder per node, with its pods below. */
  readonly nodes: string;
  /** `<part>.log` for each supervised part. */
  readonly logs: string;
  /** Unix sockets that cross the network namespace. Short, because a socket's path is limited to 107 bytes. */
  readonly sockets: string;
  /** Administrator's kubeconfig for the host side (through the relay). */
  readonly kubeconfig: string;
  /** Kubeconfig of one part inside the namespace, such as `istiod` or `node-cpu-0`. */
  kubeconfigOf(part: string): string;
  /** Unix socket of one relayed endpoint, such as `apiserver` or `gateway`. */
  socketOf(endpoint: string): string;
}

/**
 * Folder that holds environments: `MENAGERIE_HOME`, else `menagerie` in the user's data folder
 * (XDG Base Directory: `XDG_DATA_HOME`, else `~/.local/share`).
 */
export function menagerieHome(env: NodeJS.ProcessEnv = process.env): string {
  if (env.MENAGERIE_HOME) return resolve(env.MENAGERIE_HOME);
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "menagerie");
}

const longestSocketFolder = 85;

function shortFolder(): string {
  return process.env.XDG_RUNTIME_DIR || tmpdir();
}

/** Paths of the environment `name` below `home`. Pure: makes nothing. */
export function environmentLayout(name: string, home: string = menagerieHome()): EnvironmentLayout {
  if (!/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw refuse("environment.bad-name", { name });
  }
  const root = join(home, "environments", name);
  const id = createHash("sha256").update(root).digest("hex").slice(0, 12);
  // Beside the state where the path is short enough: a socket's name is limited to 107 bytes (unix(7)).
  const near = join(root, "sockets");
  const sockets = near.length <= longestSocketFolder ? near : join(shortFolder(), `menagerie-${id}`);
  const pki = join(root, "pki");
  return {
    name,
    home,
    root,
    stateFile: join(root, "environment.json"),
    pki,
    etcd: join(root, "etcd"),
    postgres: join(root, "postgres"),
    pulumi: {
      home: join(root, "pulumi", "home"),
      backend: join(root, "pulumi", "backend"),
      passphraseFile: join(root, "pulumi", "passphrase"),
    },
    images: join(root, "images"),
    registryLogins: join(root, "registry-logins.json"),
    nodes: join(root, "nodes"),
    logs: join(root, "logs"),
    sockets,
    kubeconfig: join(root, "kubeconfig"),
    kubeconfigOf: (part) => join(pki, `${part}.kubeconfig`),
    socketOf: (endpoint) => join(sockets, `${endpoint}.sock`),
  };
}
