import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where one trial keeps everything that it makes. All paths are absolute. */
export interface TrialPlace {
  readonly id: string;
  readonly folder: string;
  /** Unix sockets that cross the network namespace, one for each model, by its index. Short, because their names are limited. */
  readonly sockets: string;
  /** Process that owns the trial. */
  readonly ownerFile: string;
  /** Held by the trial's processes as long as one of them runs. */
  readonly lock: string;
  /** Where the owner says what is to be run. */
  readonly specSocket: string;
  /** Says that the inner process has begun once. */
  readonly begunFile: string;
  /** What the trial's own processes say. */
  readonly log: string;
  /** Image store: a link for each image. */
  readonly images: string;
  readonly pods: string;
  /** Where a filesystem in memory is mounted, inside. */
  readonly memory: string;
}

/** A socket's name may have 107 bytes (unix(7)), a name in the folder up to 16. */
const longestSocketFolder = 85;

/** The folder of all trials. */
export function trialsFolder(home: string): string {
  return join(home, "trials");
}

export function trialPlace(home: string, id: string = randomBytes(4).toString("hex")): TrialPlace {
  const folder = join(trialsFolder(home), id);
  const near = join(folder, "sockets");
  const short = join(process.env.XDG_RUNTIME_DIR || tmpdir(), `menagerie-trial-${id}`);
  const sockets = near.length <= longestSocketFolder ? near : short;
  return {
    id,
    folder,
    sockets,
    ownerFile: join(folder, "owner.json"),
    lock: join(folder, "lock"),
    specSocket: join(sockets, "spec.sock"),
    begunFile: join(folder, "begun"),
    log: join(folder, "trial.log"),
    images: join(folder, "images"),
    pods: join(folder, "pods"),
    memory: join(folder, "memory"),
  };
}

/** Trials that have a folder, running or not, with the time at which each was begun. */
export async function knownTrials(home: string): Promise<{ readonly place: TrialPlace; readonly since: number }[]> {
  const names = await readdir(trialsFolder(home)).catch(() => []);
  const found = names
    .filter((name) => /^[0-9a-f]{8}$/.test(name))
    .map(async (id) => {
      const place = trialPlace(home, id);
      const made = await stat(place.folder).catch(() => undefined);
      return made ? [{ place, since: made.birthtimeMs || made.ctimeMs }] : [];
    });
  return (await Promise.all(found)).flat();
}

/** Where the egress proxy of a trial listens. */
export function egressSocket({ sockets }: TrialPlace): string {
  return join(sockets, "egress.sock");
}

/** Name of a model's socket, by its place in the combination. */
export function socketOf(index: number): string {
  return `${index}.sock`;
}
