/** What one step of a build may take. */
export interface BuildResources {
  /** Requested cores. */
  readonly cpu: string;
  /** Requested memory, which is also the limit. */
  readonly memory: string;
}

/** `computeResources` of a step. */
export function resourcesOf({ cpu, memory }: BuildResources) {
  return { requests: { cpu, memory }, limits: { memory } };
}
