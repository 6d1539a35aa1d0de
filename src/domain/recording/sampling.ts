/** Ids of requests are spread over so many parts. */
const parts = 2 ** 32;

/**
 * Whether the predictions of a request are stored at a share of `percent`. It follows from the id alone: repeats of a request, its
 * copies for shadows and the recorders of other versions decide alike, and what is stored at a share is stored at each larger one.
 */
export function isSampled(requestId: string, percent: number): boolean {
  return percent >= 100 || (percent > 0 && partOf(requestId) < (percent / 100) * parts);
}

/** FNV-1a over UTF-16 code units, and MurmurHash3's finalizer, without which the first bits of similar ids are alike. */
function partOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
