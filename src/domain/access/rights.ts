/** What a key may do besides predicting with what it opens. */
export const keyRights = [
  /** Take recorded requests out of the environment. */
  "export",
  /** Have a model answer many requests at once. */
  "batch",
  /** Move rollouts. */
  "operate",
  /** Copy the state of a release. */
  "copy-state",
] as const;
export type KeyRight = (typeof keyRights)[number];
