import { z } from "zod";
import { redactionRuleSchema } from "../redaction/ruleSchema.ts";
import type { ComparedSubject } from "./evidence.ts";

const side = z.looseObject({
  service: z.string(),
  truss: z.string(),
  hash: z.string(),
  version: z.string(),
  schema: z.string(),
});

const tolerance = z.looseObject({ absolute: z.number().optional(), relative: z.number().optional() });

const textRule = z.discriminatedUnion("as", [
  z.looseObject({ as: z.literal("exact") }),
  z.looseObject({ as: z.literal("normalized"), ignoreCase: z.boolean().optional() }),
  z.looseObject({
    as: z.literal("numbers"),
    tolerance: tolerance.optional(),
    ignoreWords: z.boolean().optional(),
    ignoreCase: z.boolean().optional(),
  }),
  z.looseObject({ as: z.literal("json") }),
  z.looseObject({
    as: z.literal("contains"),
    phrases: z.array(z.string()).optional(),
    ignoreCase: z.boolean().optional(),
  }),
  z.looseObject({ as: z.literal("length"), tolerance: tolerance.optional() }),
]);

/** Rules of comparison, as a stack's config and outputs have them. */
export const comparisonOutput = z.looseObject({
  tolerance: tolerance.optional(),
  tolerances: z.record(z.string(), tolerance).optional(),
  ignore: z.array(z.string()).optional(),
  unordered: z.array(z.string()).optional(),
  texts: z.record(z.string(), textRule).optional(),
});

const shadowOutput = z.looseObject({
  url: z.string(),
  percent: z.number(),
  primary: side,
  shadows: z.record(z.string(), side),
  noise: side.nullable(),
  // Stacks of an earlier release say nothing of it.
  redact: z.array(redactionRuleSchema).readonly().default([]),
  compare: comparisonOutput,
  gate: z
    .looseObject({
      minPairs: z.number(),
      maxMismatch: z.number(),
      confidence: z.number(),
      minCompleteness: z.number(),
      maxNotJudged: z.number().optional(),
      maxLatencyRatio: z.number().optional(),
      maxSampled: z.number().optional(),
      maxFirstTokenRatio: z.number().optional(),
      minTokensPerSecondRatio: z.number().optional(),
    })
    .nullable(),
});

const outputs = z.looseObject({ shadows: z.record(z.string(), shadowOutput).default({}) });

/** A shadow deployment of the stack, as its last `up` left it. */
export type DeployedShadow = z.output<typeof shadowOutput>;

/** The shadow deployments that a stack's outputs tell of, by name. Throws a `ZodError` for what is no output of a stack. */
export function shadowsOf(stackOutputs: Readonly<Record<string, unknown>>): Readonly<Record<string, DeployedShadow>> {
  return outputs.parse(stackOutputs).shadows;
}

/** What a comparison of one of its shadows with the primary is about. */
export function comparedSubject(
  name: string,
  { primary, shadows, compare: rules, gate }: DeployedShadow,
  shadow: string,
) {
  return {
    deployment: name,
    primary: { name: primary.service, version: primary.version },
    shadow: { name: shadow, version: shadows[shadow]?.version ?? "" },
    rules,
    ...(gate ? { gate } : {}),
  } satisfies ComparedSubject;
}
