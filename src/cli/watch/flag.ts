/** A flag that can be waited for, with the time when it was raised first. */
export function flag() {
  let since: number | undefined;
  const waiting = new Set<() => void>();
  return {
    /** `at`: when what it stands for happened, in milliseconds since 1970. @default now */
    raise(at: number = Date.now()): void {
      since = Math.min(since ?? at, at);
      for (const wake of [...waiting]) wake();
    },
    /** Lowers it, and answers since when it was raised. */
    lower(): number | undefined {
      const before = since;
      since = undefined;
      return before;
    },
    /** Resolves once it is raised, after `milliseconds`, or when `signal` aborts. */
    raised(milliseconds: number, signal?: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        waiting.add(done);
        signal?.addEventListener("abort", done, { once: true });
        if (since !== undefined || signal?.aborted) done();
      });
    },
  };
}

export type Flag = ReturnType<typeof flag>;
