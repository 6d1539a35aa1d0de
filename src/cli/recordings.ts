import { z } from "zod";
import { type RecordingSettings, recordsEverything } from "../domain/recording/settings.ts";
import { redactionRuleSchema } from "../domain/redaction/ruleSchema.ts";
import type { DeployedShadow } from "../domain/shadow/deployed.ts";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readStackOutputs } from "../local/stackOutputs.ts";
import { readShadows } from "./shadows.ts";

const outputs = z.looseObject({
  recordings: z
    .record(
      z.string(),
      z.object({
        schema: z.string(),
        url: z.string().nullable(),
        versions: z.array(z.object({ number: z.number(), version: z.string() })),
        sample: z.number(),
        bodies: z.boolean(),
        retentionDays: z.number(),
        redact: z.array(redactionRuleSchema).readonly(),
        paused: z.boolean(),
      }),
    )
    .default({}),
});

/** Recorded predictions of the stack, by the name that its config has for what was recorded. */
export interface Recording {
  readonly name: string;
  /** A zoo model, all of whose versions are in one schema, or the primary of a shadow deployment. */
  readonly kind: "zoo" | "shadow";
  /** Schema of its prediction tables. */
  readonly schema: string;
  /** Address that takes predictions of what was recorded; null for a model that is off. */
  readonly url: string | null;
  /** `model_version` of the answers of what answers now; undefined where nothing is recorded now. */
  readonly version: string | undefined;
  /** What is recorded now, with what its answers carry as `model_version`; `number` is that of the zoo model's version. */
  readonly versions: readonly { readonly number: number | null; readonly version: string }[];
  /** What of the requests is stored. */
  readonly settings: Omit<RecordingSettings, "retentionDays">;
  /** What a shadow deployment says about differences. @default everything is one */
  readonly compare?: DeployedShadow["compare"] | undefined;
}

/**
 * Every recording of a stack, shadow deployments' and zoo models'. No two of them have one name: each name is a route.
 * @param stackOutputs of its last `up`
 */
export function recordingsIn(
  stackOutputs: Readonly<Record<string, unknown>>,
  shadows: Readonly<Record<string, DeployedShadow>>,
): Recording[] {
  const { recordings } = outputs.parse(stackOutputs);
  return [
    ...Object.entries(recordings).map(([name, { schema, url, versions, sample, bodies, redact }]): Recording => {
      const settings = { sample, bodies, redact };
      return { name, kind: "zoo", schema, url, version: versions[0]?.version, versions, settings };
    }),
    ...Object.entries(shadows).map(
      ([
        name,
        {
          url,
          primary: { schema, version },
          compare,
          redact,
        },
      ]): Recording => {
        const versions = [{ number: null, version }];
        return {
          name,
          kind: "shadow",
          schema,
          url,
          version,
          versions,
          settings: { ...recordsEverything, redact },
          compare,
        };
      },
    ),
  ];
}

/** The recording called `name`: a zoo model or a shadow deployment of the environment's stack; undefined where neither is recorded. */
export async function findRecording(layout: EnvironmentLayout, name: string): Promise<Recording | undefined> {
  const [stackOutputs, shadows] = await Promise.all([readStackOutputs(layout), readShadows(layout)]);
  return recordingsIn(stackOutputs, shadows).find((each) => each.name === name);
}
