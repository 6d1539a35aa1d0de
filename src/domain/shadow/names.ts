/** Name of the primary among the sides of a shadow deployment. */
export const primarySide = "primary";
/** Name of the primary's second copy, by which noise is known. */
export const noiseSide = "noise";

/** InferenceService of one side. */
export function shadowService(deployment: string, side: string): string {
  return `${deployment}-${side}`;
}

/** Schema of one side's prediction tables; also its recorder's login. Names in config have no underscores. */
export function shadowSchema(deployment: string, side: string): string {
  return `shadow_${deployment.replaceAll("-", "_")}_${side.replaceAll("-", "_")}`;
}
