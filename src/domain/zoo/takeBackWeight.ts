/** How the version that a rollout leaves stands. */
export interface OldVersion {
  /** Pods that answer. */
  readonly ready: number;
  /** Pods that it had when it answered all requests. */
  readonly wanted: number;
  /** Whether it sleeps while nobody asks it: then the first request wakes it. */
  readonly sleeps: boolean;
}

/**
 * The least weight, in percent, that the new version has to keep for now: the old one answers by as many of its pods as are ready. With
 * all of them, or where a request wakes it, 0; without any, 100.
 */
export function weightFor({ ready, wanted, sleeps }: OldVersion): number {
  if (sleeps || ready >= wanted) return 0;
  return Math.ceil(100 * (1 - ready / wanted));
}

/** Why the new version keeps a weight, in words. */
export function standInFor({ ready, wanted }: OldVersion, weight: number): string {
  const pods =
    ready === 0 ? "no pod of the old version is ready" : `${ready} of ${wanted} pods of the old version are ready`;
  return `${pods}, so the new one keeps ${weight} % of the requests`;
}
