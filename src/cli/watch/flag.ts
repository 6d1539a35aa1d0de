/** A flag that can be waited for, with the time when it was raised first. */
export function flag() {
  let since: number | undefined;
  let wake: (() => void) | undefined;
  return {
    raise(): void {
      since ??= Date.now();
      wake?.();
    },
    isRaised: (): boolean => since !== undefined,
    /** Lowers it, and answers since when it was raised. */
    lower(): number | undefined {
      const before = since;
      since = undefined;
      return before;
    },
    /** Resolves once it is raised, or after `milliseconds`. */
    raised(milliseconds: number): Promise<void> {
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        wake = done;
        if (since !== undefined) done();
      });
    },
  };
}

export type Flag = ReturnType<typeof flag>;
