import { readdirSync, readFileSync } from "node:fs";

/** What processes have used so far. */
export interface Usage {
  /** Processor time since they began, in seconds: also of what they started that has ended. */
  readonly cpuSeconds: number;
  /** Memory that is theirs alone or shared and in no file, in bytes. What forks share is counted for each. */
  readonly memoryBytes: number;
}

/** One process, as `/proc/<pid>/stat` has it (proc(5)). */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Own processor time, and that of its children that it has waited for, in {@link ticksPerSecond}. */
  readonly ticks: number;
}

/** USER_HZ, which Linux has as 100 on every architecture that Node.js is built for. */
const ticksPerSecond = 100;

export function parseStat(text: string): ProcessStat {
  // The command, in parentheses, may hold spaces and parentheses.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), ticks };
}

/** Anonymous memory and shared memory, in bytes; 0 of a process that has ended (`/proc/<pid>/status`). */
export function parseMemory(text: string): number {
  let kibibytes = 0;
  for (const [, number] of text.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) kibibytes += Number(number);
  return kibibytes * 1024;
}

/** The processes below each of `roots`, itself among them. */
export function treesOf(processes: readonly ProcessStat[], roots: readonly number[]): Map<number, ProcessStat[]> {
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const byPid = new Map(processes.map((each) => [each.pid, each]));
  return new Map(
    roots.map((root) => {
      const first = byPid.get(root);
      const tree = first ? [first] : [];
      // The list grows while it is walked.
      for (const { pid } of tree) tree.push(...(children.get(pid) ?? []));
      return [root, tree];
    }),
  );
}

/** What the processes below each of `roots` have used, of every root that runs. */
export function readUsage(roots: readonly number[]): Map<number, Usage> {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const text = read(`/proc/${pid}/stat`);
      return text === undefined ? [] : [parseStat(text)];
    });
  const used = new Map<number, Usage>();
  for (const [root, tree] of treesOf(processes, roots)) {
    if (tree.length === 0) continue;
    const ticks = tree.reduce((sum, each) => sum + each.ticks, 0);
    const memoryBytes = tree.reduce((sum, { pid }) => sum + parseMemory(read(`/proc/${pid}/status`) ?? ""), 0);
    used.set(root, { cpuSeconds: ticks / ticksPerSecond, memoryBytes });
  }
  return used;
}

/** Undefined of a process that has ended. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
