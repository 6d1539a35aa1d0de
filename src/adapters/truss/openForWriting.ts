import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** `O_WRONLY` and `O_RDWR` of the flags that /proc shows, which are octal. */
const accessMode = 0o3;

/**
 * Whether a process has one of the files open for writing: an editor that has truncated a file and not yet written all of
 * it again. Only processes of the same user can be asked, and only on Linux; others count as having none open.
 *
 * @param files - absolute paths without symlinks.
 */
export function isOpenForWriting(files: ReadonlySet<string>, own: number = process.pid): boolean {
  for (const pid of names("/proc")) {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === own) continue;
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
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
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
