/**
 * Runs pieces of work at once. When one fails the signal that all of them got is aborted, and only after the last of them has
 * ended (its processes are gone by then) the first failure is thrown; where `signal` itself was aborted, its reason.
 */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal,
  begin: (signal: AbortSignal) => { readonly [Index in keyof T]: Promise<T[Index]> },
): Promise<T> {
  const failure = new AbortController();
  const work = begin(AbortSignal.any([signal, failure.signal]));
  for (const piece of work) piece.catch((error: unknown) => failure.abort(error));
  const results = await Promise.allSettled(work);
  signal.throwIfAborted();
  if (results.some((result) => result.status === "rejected")) throw failure.signal.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
