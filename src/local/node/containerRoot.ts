import { chmod, lstat, mkdir, readdir, readlink, rm, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { ImageLayer } from "../../adapters/images/directoryImage.ts";
import { folderBelow, PathLeadsOut } from "./pathBelow.ts";
import { mustRun, runCommand } from "./processes.ts";

/** Parts of the machine that a container uses; its image is files above them, not a distribution. */
const systemFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** Read-only host paths besides {@link systemFolders}: what dynamic linking, TLS and time zones need. */
export const systemFiles: readonly string[] = [
  "/usr",
  // One by one: beside them lie the machine's private keys.
  "/etc/ssl/certs",
  "/etc/ssl/cert.pem",
  "/etc/ssl/openssl.cnf",
  "/etc/ca-certificates",
  "/etc/ca-certificates.conf",
  "/etc/pki/ca-trust",
  "/etc/pki/tls/certs",
  "/etc/pki/tls/cert.pem",
  "/etc/pki/tls/openssl.cnf",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/alternatives",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/protocols",
  "/etc/services",
  "/etc/python3",
];

/** What {@link mountRoot} made, for {@link unmountRoot}. */
export interface MountedRoot {
  readonly root: string;
  readonly hostPaths: readonly string[];
}

/**
 * Mounts an image copy-on-write under `folder`: its root folder, then each layer at its target. Writes go to `folder`
 * and are gone with it. Mounts do not outlive the environment's mount namespace.
 */
export async function mountRoot(
  folder: string,
  {
    rootfs,
    layers,
    workingDir,
    ownSystem,
  }: {
    readonly rootfs: string;
    readonly layers: readonly ImageLayer[];
    readonly workingDir: string;
    /** Nothing of the machine is put over it. */
    readonly ownSystem: boolean;
  },
): Promise<MountedRoot> {
  const root = join(folder, "root");
  const upper = join(folder, "upper");
  await mkdir(root, { recursive: true });
  await mkdir(upper, { recursive: true });
  const hostPaths = ownSystem ? [] : [...systemFiles];
  for (const path of ownSystem ? [] : systemFolders) {
    const link = await readlink(path).catch(() => undefined);
    // Merged-/usr distributions have links here, others folders.
    if (link !== undefined) await symlink(link, join(upper, path)).catch(ignoreExisting);
    else if (await exists(path)) hostPaths.push(path);
  }
  await mountOverlay(rootfs, upper, join(folder, "work"), root);
  for (const [index, { source, target }] of layers.entries()) {
    const place = await folderBelow(root, target);
    await mountOverlay(source, join(folder, `layer-${index}`), join(folder, `layer-${index}-work`), place);
  }
  for (const path of ["/root", "/run", "/var/tmp", workingDir]) await folderBelow(root, path);
  await makeTemporaryFolder(root);
  return { root, hostPaths };
}

/** Unmounts what {@link mountRoot} mounted under `folder` and deletes what was written. Idempotent. */
export async function unmountRoot(folder: string): Promise<void> {
  const root = join(folder, "root");
  // Lazily and with everything below: a program that is just dying may still hold it.
  if (await exists(root)) await runCommand("umount", ["--lazy", "--recursive", root]);
  await rmdir(root).catch(() => {});
  for (const name of await readdir(folder).catch(() => [])) {
    if (name === "upper" || name === "work" || name.startsWith("layer-")) await removeTree(join(folder, name));
  }
}

/** Makes /tmp as programs expect it. Throws where the image has a link there: chmod would follow it. */
export async function makeTemporaryFolder(root: string): Promise<void> {
  const folder = join(root, "tmp");
  if ((await lstat(folder).catch(() => undefined))?.isSymbolicLink()) {
    throw new PathLeadsOut("/tmp of the image is a symbolic link: it must be a folder, or not be there");
  }
  await chmod(await folderBelow(root, "/tmp"), 0o1777);
}

async function mountOverlay(lower: string, upper: string, work: string, target: string): Promise<void> {
  await mkdir(upper, { recursive: true });
  await mkdir(work, { recursive: true });
  const path = (text: string): string => text.replace(/[\\:,]/g, "\\$&");
  const options = `userxattr,lowerdir=${path(lower)},upperdir=${path(upper)},workdir=${path(work)}`;
  await mustRun("mount", ["-t", "overlay", "overlay", "-o", options, target]);
}

/** overlayfs leaves its work folder without permissions, which stops an ordinary user's rm. */
async function removeTree(path: string): Promise<void> {
  await chmod(join(path, "work"), 0o700).catch(() => {});
  await rm(path, { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
