/**
 * The candidate that `word` was most likely meant to be, or undefined when none is near: at most one edit in words of
 * up to four letters, two in longer ones, or a word that goes on where `word` ends. Edits are insertions, deletions,
 * substitutions and swaps of neighbours. Of equally near candidates the one with the longer common beginning wins.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const limit = word.length <= 4 ? 1 : 2;
  let best: { candidate: string; distance: number; common: number } | undefined;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const distance = lower.length >= 4 && other.startsWith(lower) ? 1 : editDistance(lower, other);
    const common = commonBeginning(lower, other);
    if (distance > limit) continue;
    if (!best || distance < best.distance || (distance === best.distance && common > best.common)) {
      best = { candidate, distance, common };
    }
  }
  return best?.candidate;
}

function commonBeginning(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(substitution, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
