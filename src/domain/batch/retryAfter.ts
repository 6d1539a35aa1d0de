/**
 * Milliseconds that a server wants to be left alone: by `retry-after-ms`, which is finer, else by `retry-after` in seconds or as a date
 * (RFC 9110, 10.2.3). Undefined where neither says it.
 *
 * @param header - the value of a header by its name in lower case
 * @param now - milliseconds since 1970
 */
export function retryAfterMs(header: (name: string) => string | undefined, now: number): number | undefined {
  const fine = header("retry-after-ms")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(fine)) return Math.ceil(Number(fine));
  const coarse = header("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(coarse)) return Math.ceil(Number(coarse) * 1000);
  const date = /[a-z]/i.test(coarse) ? Date.parse(coarse) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
