/** One piece of long work that somebody watches. */
export interface ProgressTask {
  /** Replaces what is shown behind the task's name, such as `3 of 9, 40 s left`. */
  update(detail: string): void;
  done(detail?: string): void;
  failed(detail?: string): void;
}

/** Where long work tells how far it is. Terminals and logs implement it; tests pass {@link silent}. */
export interface Progress {
  begin(name: string): ProgressTask;
  /** One line that stays. */
  note(line: string): void;
}

const nothing = (): void => {};

export const silent: Progress = {
  begin: () => ({ update: nothing, done: nothing, failed: nothing }),
  note: nothing,
};
