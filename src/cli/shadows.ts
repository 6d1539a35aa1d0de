import { z } from "zod";
import { redactionRuleSchema } from "../domain/redaction/ruleSchema.ts";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readStackOutputs } from "../local/stackOutputs.ts";
import { refuse } from "./refusals.ts";

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
]);

const shadowOutput = z.looseObject({
  url: z.string(),
  percent: z.number(),
  primary: side,
  shadows: z.record(z.string(), side),
  noise: side.nullable(),
  // Stacks of an earlier release say nothing of it.
  redact: z.array(redactionRuleSchema).readonly().default([]),
  compare: z.looseObject({
    tolerance: tolerance.optional(),
    tolerances: z.record(z.string(), tolerance).optional(),
    ignore: z.array(z.string()).optional(),
    unordered: z.array(z.string()).optional(),
    texts: z.record(z.string(), textRule).optional(),
  }),
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

/** The shadow deployments of the stack, by name. */
export async function readShadows(layout: EnvironmentLayout): Promise<Readonly<Record<string, DeployedShadow>>> {
  return outputs.parse(await readStackOutputs(layout)).shadows;
}

/**
 * The shadow deployment called `name`; else a sentence that says which there are.
 * @param outputs of its stack
 */
export function shadowIn(stackOutputs: Readonly<Record<string, unknown>>, name: string): DeployedShadow {
  const { shadows } = outputs.parse(stackOutputs);
  const found = shadows[name];
  if (found) return found;
  const names = Object.keys(shadows).join(", ");
  throw refuse("shadow.unknown", { name, names: names || "none: declare one under menagerie:shadows" });
}
