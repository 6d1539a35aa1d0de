/** In milliseconds: half of the second that is promised, for the question takes time too. */
const halfASecond = 500;
const largest = 10_000;
/** For a question that an earlier answer may serve: how long to wait for a new one, and how long after a failure not to ask again. */
const patienceMs = 1_000;

export interface FreshCacheOptions {
  /** Milliseconds. @default 500 */
  readonly freshFor?: number;
  /**
   * Whether somebody else's answer may still be given where the question fails by this error, and for how long.
   * @default failures are everybody's
   */
  readonly otherwise?: { readonly isAway: (error: unknown) => boolean; readonly staleFor: number };
  readonly now?: () => number;
}

interface Kept<T> {
  readonly askedAt: number;
  readonly answer: Promise<T>;
  /** The last answer that came, and when it was asked. */
  readonly last: { readonly askedAt: number; readonly value: T } | undefined;
}

/**
 * Answers each key's question at most once in `freshFor` milliseconds (default: twice a second), and at once for everybody
 * who asks in between. An answer's age counts from when the question was put, so a slow one is not fresher than it is.
 * Failures are not kept; where the last answer may stand in for them, it does so at once after the first.
 */
export function freshCache<T>(
  ask: (key: string) => Promise<T>,
  { freshFor = halfASecond, otherwise, now = () => performance.now() }: FreshCacheOptions = {},
) {
  const kept = new Map<string, Kept<T>>();
  let awayUntil = Number.NEGATIVE_INFINITY;
  const keptFor = Math.max(freshFor, otherwise?.staleFor ?? 0);

  const forgetOld = (): void => {
    for (const [key, { askedAt, last }] of kept) {
      if (now() - (last?.askedAt ?? askedAt) < keptFor && kept.size <= largest) return;
      kept.delete(key);
    }
  };

  return (key: string): Promise<T> => {
    const known = kept.get(key);
    if (known && now() - known.askedAt < freshFor) return known.answer;
    const last = known?.last;
    const usable = otherwise && last && now() - last.askedAt < otherwise.staleFor ? last : undefined;
    if (usable && now() < awayUntil) return Promise.resolve(usable.value);
    kept.delete(key);
    const askedAt = now();
    const asked = ask(key);
    const answer = usable && otherwise ? orLast(asked, usable.value, otherwise.isAway) : asked;
    const entry = { askedAt, answer, last };
    kept.set(key, entry);
    asked.then(
      (value) => {
        if (otherwise && kept.get(key) === entry) kept.set(key, { ...entry, last: { askedAt, value } });
      },
      (error: unknown) => {
        if (otherwise?.isAway(error)) awayUntil = now() + patienceMs;
        if (kept.get(key) !== entry) return;
        if (usable && otherwise?.isAway(error)) kept.set(key, { ...entry, askedAt: askedAt - freshFor });
        else kept.delete(key);
      },
    );
    // Keys are in the order they were asked.
    forgetOld();
    return answer;
  };
}

/** The answer, or the last one where the database is away, or takes long. */
async function orLast<T>(asked: Promise<T>, last: T, isAway: (error: unknown) => boolean): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(last), patienceMs);
  });
  try {
    return await Promise.race([asked, late]);
  } catch (error) {
    if (isAway(error)) return last;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
