import { distanceOf, isSameNumber, type JsonNumber } from "./exactNumber.ts";

/** How far two numbers may be apart and still count as equal: either bound suffices. */
export interface Tolerance {
  /** In the field's own unit. @default 0 */
  readonly absolute?: number | undefined;
  /** Share of the larger of the two magnitudes, 0 to 1. @default 0 */
  readonly relative?: number | undefined;
}

/** Whether two numbers count as equal. What is not finite is equal to itself only, whatever the tolerance. */
export function isWithin(a: JsonNumber, b: JsonNumber, { absolute = 0, relative = 0 }: Tolerance): boolean {
  if (isSameNumber(a, b)) return true;
  const distance = distanceOf(a, b);
  // A bound of zero is none: the distance of two numbers may be too small for a double.
  return (absolute > 0 && distance.absolute <= absolute) || (relative > 0 && distance.relative <= relative);
}
