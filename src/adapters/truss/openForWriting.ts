import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** `O_WRONLY` and `O_RDWR` of the flags that /proc shows, which are octal. */
const accessMode = 0o3;

/**
 * Whether a process has one of the files open for writing: an editor that has truncated a file and not yet written all of
 * it again. Only processes of the same user, outside containers, can be asked, and only on Linux; others count as having
 * none open. Those in containers have other paths, and asking all of an environment's would take longer than a reload.
 *
 * @param files - absolute paths without symlinks.
 */
export function isOpenForWriting(files: ReadonlySet<string>, own: number = process.pid): boolean {
  const mounts = mountsOf("self");
  for (const pid of names("/proc")) {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === own || mountsOf(pid) !== mounts) continue;
    for (const descriptor of names(`/proc/${pid}/fd`)) {
      if (files.has(target(pid, descriptor)) && writes(pid, descriptor)) return true;
    }
  }
  return false;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Ended meanwhile, or another user's.
    return [];
  }
}

function target(pid: string, descriptor: string): string {
  return link(`/proc/${pid}/fd/${descriptor}`);
}

/** Which mounts a process sees; "" where it may not be asked, or is not there any more. */
function mountsOf(pid: string): string {
  return link(`/proc/${pid}/ns/mnt`);
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function writes(pid: string, descriptor: string): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & accessMode) !== 0;
  } catch {
    return false;
  }
}
