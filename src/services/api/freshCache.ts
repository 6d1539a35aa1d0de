/** In milliseconds: half of the second that is promised, for the question takes time too. */
const halfASecond = 500;
const largest = 10_000;

/**
 * Answers each key's question at most once in `freshFor` milliseconds (default: twice a second), and at once for everybody
 * who asks in between. An answer's age counts from when the question was put, so a slow one is not fresher than it is.
 * Failures are not kept.
 */
export function freshCache<T>(
  ask: (key: string) => Promise<T>,
  { freshFor = halfASecond, now = () => performance.now() }: { freshFor?: number; now?: () => number } = {},
) {
  const kept = new Map<string, { readonly askedAt: number; readonly answer: Promise<T> }>();

  const forgetOld = (): void => {
    for (const [key, { askedAt }] of kept) {
      if (now() - askedAt < freshFor && kept.size <= largest) return;
      kept.delete(key);
    }
  };

  return (key: string): Promise<T> => {
    const known = kept.get(key);
    if (known && now() - known.askedAt < freshFor) return known.answer;
    kept.delete(key);
    const answer = ask(key);
    kept.set(key, { askedAt: now(), answer });
    answer.catch(() => {
      if (kept.get(key)?.answer === answer) kept.delete(key);
    });
    // Keys are in the order they were asked.
    forgetOld();
    return answer;
  };
}
