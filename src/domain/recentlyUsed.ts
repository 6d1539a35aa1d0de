/**
 * Keeps what was used last: puts `value` under `key` behind all others, and takes the entry that was used longest ago out of a map that
 * has more than `most` of them (a Map's order is that of insertion). Answers what was taken out.
 */
export function keepRecent<K, V>(map: Map<K, V>, key: K, value: V, most: number): V | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return undefined;
  const [oldest] = map;
  if (!oldest) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}
