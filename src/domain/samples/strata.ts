/** What requests may be told apart by before some are chosen. */
export const sampleStrata = ["status", "path", "size"] as const;
export type SampleStratum = (typeof sampleStrata)[number];

/** What is known of a recorded request before it is read. */
export interface RequestFacts {
  /** HTTP status of the answer; null where there was none. */
  readonly status: number | null;
  /** Path and query. */
  readonly url: string;
  /** Of the request's body. */
  readonly bytes: number;
}

/** The stratum of a request, such as `status 200, size 1–10 KiB`; `all` where nothing tells requests apart. */
export function stratumOf({ status, url, bytes }: RequestFacts, by: readonly SampleStratum[]): string {
  const parts = by.map((each) => {
    if (each === "status") return `status ${status ?? "none"}`;
    if (each === "path") return `path ${url.split(/[?#]/)[0] ?? ""}`;
    return `size ${sizeOf(bytes)}`;
  });
  return parts.length === 0 ? "all" : parts.join(", ");
}

function sizeOf(bytes: number): string {
  if (bytes < 1024) return "below 1 KiB";
  if (bytes < 10 * 1024) return "1–10 KiB";
  if (bytes < 100 * 1024) return "10–100 KiB";
  return bytes < 1024 ** 2 ? "100–1024 KiB" : "1 MiB and more";
}
