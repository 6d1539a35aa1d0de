import type { Progress, ProgressTask } from "../domain/progress.ts";

const repaintMs = 100;
/** Without a terminal, a task that goes on tells where it is so often at most, where that has changed. */
const logEveryMs = 15_000;
/** And that it still goes on, where nothing has changed. */
const remindEveryMs = 120_000;

interface ActiveTask {
  readonly name: string;
  readonly startedAt: number;
  detail: string;
  logged: string;
  loggedAt: number;
}

/**
 * Progress on stderr: in a terminal the tasks under way are a block that repaints itself, elsewhere (CI, a pipe) each task
 * is a line when it ends, and one now and then in between.
 */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const active = new Set<ActiveTask>();
  let painted = 0;
  let timer: NodeJS.Timeout | undefined;

  const erase = (): void => {
    if (painted > 0) stream.write(`\u001b[${painted}A\u001b[0J`);
    painted = 0;
  };
  const paint = (): void => {
    if (!stream.isTTY) {
      const now = Date.now();
      for (const task of active) {
        if (now - task.loggedAt < (task.detail === task.logged ? remindEveryMs : logEveryMs)) continue;
        Object.assign(task, { loggedAt: now, logged: task.detail });
        stream.write(`${line("…", task)}\n`);
      }
      return;
    }
    erase();
    for (const task of active) {
      stream.write(`${line("…", task).slice(0, (stream.columns || 120) - 1)}\n`);
      painted += 1;
    }
  };
  const stay = (text: string): void => {
    if (stream.isTTY) erase();
    stream.write(`${text}\n`);
    if (stream.isTTY) paint();
  };

  const begin = (name: string): ProgressTask => {
    const task: ActiveTask = { name, startedAt: Date.now(), detail: "", logged: "", loggedAt: Date.now() };
    active.add(task);
    timer ??= setInterval(paint, stream.isTTY ? repaintMs : 1_000).unref();
    const end = (mark: string, detail: string | undefined): void => {
      if (!active.delete(task)) return;
      task.detail = detail ?? "";
      stay(line(mark, task));
      if (active.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
    return {
      update: (detail) => {
        task.detail = detail;
      },
      done: (detail) => end("✓", detail),
      failed: (detail) => end("✗", detail),
    };
  };
  return { begin, note: stay };
}

function line(mark: string, task: ActiveTask): string {
  const elapsed = `${((Date.now() - task.startedAt) / 1000).toFixed(1)} s`;
  return `${mark} ${task.name.padEnd(34)} ${elapsed.padStart(8)}${task.detail === "" ? "" : `  ${task.detail}`}`;
}
