import { isOwnPath } from "../protocols/ownPaths.ts";

/** A version that apps are moved from or to, with the paths of its own that it answers for them. */
export interface VersionPaths {
  readonly number: number;
  /** @default none */
  readonly paths?: readonly string[] | undefined;
}

/** What apps lose and get of a model's own paths when they are moved from one version to another; a sentence each, none where nothing changes. */
export function describePathChange(from: VersionPaths, to: VersionPaths): string[] {
  const lost = without(from.paths, to.paths);
  const got = without(to.paths, from.paths);
  return [
    ...(lost.length > 0
      ? [`apps that move to version ${to.number} lose ${lost.join(", ")}, which version ${to.number} does not answer`]
      : []),
    ...(got.length > 0
      ? [`apps that move to version ${to.number} get ${got.join(", ")}, which version ${from.number} does not answer`]
      : []),
  ];
}

function without(paths: readonly string[] = [], others: readonly string[] = []): string[] {
  return paths.filter((path) => !isOwnPath(path, others));
}
