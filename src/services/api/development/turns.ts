/**
 * Runs `work` of one key one at a time. Who asks while it runs gets the run that begins next, together with everybody
 * else who asks meanwhile: what was stored before the question is in it.
 */
export function turns<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const running = new Map<string, { readonly run: Promise<T>; next: Promise<T> | undefined }>();

  const begin = (key: string): Promise<T> => {
    const run = work(key);
    const turn: { readonly run: Promise<T>; next: Promise<T> | undefined } = { run, next: undefined };
    running.set(key, turn);
    const forget = (): void => {
      if (running.get(key) === turn && !turn.next) running.delete(key);
    };
    run.then(forget, forget);
    return run;
  };

  return (key) => {
    const turn = running.get(key);
    if (!turn) return begin(key);
    turn.next ??= turn.run.then(
      () => begin(key),
      () => begin(key),
    );
    return turn.next;
  };
}
