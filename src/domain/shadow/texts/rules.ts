import type { Tolerance } from "../tolerance.ts";

/** How two texts are compared. Without a rule, every character counts. */
export type TextRule =
  /** Every character counts; takes a default back, such as `json` for the arguments of a tool call. */
  | { readonly as: "exact" }
  /** Whatever Unicode form (NFC) and white space they have. */
  | { readonly as: "normalized"; readonly ignoreCase?: boolean | undefined }
  /** Numbers in them by a tolerance, the words between them as `normalized`. */
  | {
      readonly as: "numbers";
      /** @default the tolerance that holds for numbers at this place */
      readonly tolerance?: Tolerance | undefined;
      /** Only the numbers count. @default false */
      readonly ignoreWords?: boolean | undefined;
      readonly ignoreCase?: boolean | undefined;
    }
  /** The JSON in them, bare or fenced, by the rules for paths at and below the text; what is around it does not count. */
  | { readonly as: "json" }
  /** The primary's text is in the shadow's; with `phrases`, both hold the same ones of these. */
  | {
      readonly as: "contains";
      readonly phrases?: readonly string[] | undefined;
      readonly ignoreCase?: boolean | undefined;
    }
  /** How long they are: Unicode code points of the {@link normalized} texts, by a tolerance. */
  | {
      readonly as: "length";
      /** @default the tolerance that holds for numbers at this place */
      readonly tolerance?: Tolerance | undefined;
    };

export const textComparisons = [
  "exact",
  "normalized",
  "numbers",
  "json",
  "contains",
  "length",
] as const satisfies TextRule["as"][];

/**
 * A text without what does not show: Unicode's form NFC, one space for each run of white space, none at the ends.
 *
 * @param ignoreCase - by Unicode's own lower case, whatever the locale. @default false
 */
export function normalized(text: string, ignoreCase = false): string {
  const plain = text.normalize("NFC").replace(/\s+/g, " ").trim();
  return ignoreCase ? plain.toLowerCase() : plain;
}
