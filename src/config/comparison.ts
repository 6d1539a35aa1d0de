import * as z from "zod";
import { parseFieldPath } from "../domain/shadow/fieldPath.ts";
import { textComparisons } from "../domain/shadow/texts/rules.ts";
import { alternatives, choice, flag, listOf, mapping, number } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

const fieldPath = z
  .string({ error: wrong("is not a path", "write one such as results[*].score") })
  .refine((path) => parseFieldPath(path) !== undefined, {
    error: ({ input }) => wrong(`${JSON.stringify(input)} is not a path`, "write one such as results[*].score"),
  })
  .meta({ description: "A place in an answer: results[*].score, [0], $ for the whole." });

const tolerance = mapping(
  {
    absolute: number(0, Number.MAX_VALUE, "Largest difference, in the field's own unit. Default: 0.").optional(),
    relative: number(0, 1, "Largest difference, as a share of the larger of the two numbers. Default: 0.").optional(),
  },
  "write {relative: 0.001}",
  "How far two numbers may be apart and still count as equal: either bound suffices.",
);

/** Which keys say something beside `as`. */
const ofComparison: Readonly<Record<(typeof textComparisons)[number], readonly string[]>> = {
  exact: [],
  normalized: ["ignoreCase"],
  numbers: ["tolerance", "ignoreWords", "ignoreCase"],
  json: [],
  contains: ["phrases", "ignoreCase"],
  length: ["tolerance"],
};

const textRule = mapping(
  {
    as: choice(
      textComparisons,
      "exact: every character counts. normalized: Unicode's form and white space do not. numbers: those in the text by a tolerance, the words between them as normalized. json: the JSON in it, bare or fenced. contains: the primary's text is in the shadow's. length: how many characters they have, by a tolerance.",
    ),
    tolerance: tolerance.optional(),
    ignoreWords: flag("Of numbers: the words between them do not count. Default: false.").optional(),
    ignoreCase: flag(
      "Of normalized, numbers and contains: capital and small letters are the same. Default: false.",
    ).optional(),
    phrases: listOf(
      z
        .string({ error: wrong("is not text", "write [refund, 30 days]") })
        .regex(/\S/, { error: wrong("is empty", "write a phrase") }),
      "write [refund, 30 days], or remove the key",
      "Of contains: both texts hold the same ones of these. Default: the primary's text is in the shadow's.",
    ).optional(),
  },
  "write {as: normalized}",
  "How texts at and below the path are compared.",
).superRefine((rule, context) => {
  for (const key of Object.keys(rule)) {
    if (key === "as" || ofComparison[rule.as].includes(key)) continue;
    const others = textComparisons.filter((each) => ofComparison[each].includes(key));
    const message = wrong(
      `says nothing about texts compared as ${rule.as}`,
      `remove it, or use as: ${alternatives(others)}`,
    );
    context.addIssue({ code: "custom", path: [key], message });
  }
});

/** What counts as a difference, of shadow deployments and judges. */
export const compare = mapping(
  {
    tolerance: tolerance.optional(),
    tolerances: z
      .record(fieldPath, tolerance, {
        error: wrong("is not a mapping of paths", "write {results[*].score: {absolute: 0.01}}"),
      })
      .meta({ description: "Tolerances of single fields and what is below them, by path. Default: none." })
      .optional(),
    ignore: listOf(
      fieldPath,
      "write [took_ms], or remove the key",
      "Fields that are not compared. Default: none.",
    ).optional(),
    unordered: listOf(
      fieldPath,
      "write [tags], or remove the key",
      "Lists whose order does not matter. Default: none.",
    ).optional(),
    texts: z
      .record(fieldPath, textRule, {
        error: wrong("is not a mapping of paths", 'write {"choices[*].message.content": {as: normalized}}'),
      })
      .meta({
        description:
          "How texts are compared, by path: at and below it. Default: every character counts, and of a tool call's arguments the JSON.",
      })
      .optional(),
  },
  "write {tolerance: {relative: 0.001}}",
  "What counts as a difference between two answers. Default: everything.",
);
