import type { RedactionRules } from "../domain/redaction/rules.ts";
import { kubernetesName } from "../domain/zoo/plan.ts";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readModels } from "./models.ts";
import { findRecording } from "./recordings.ts";
import { refuse } from "./refusals.ts";
import { readShadows } from "./shadows.ts";

/** Everything that one name has recorded. */
export interface RecordingSides {
  readonly sides: readonly {
    readonly schema: string;
    /** Secret of its recorder. */
    readonly secret: string;
  }[];
  readonly namespace: string;
  readonly redact: RedactionRules;
}

/** All sides of a recording: a shadow deployment's, or the one of a zoo model. @throws OperatorError where neither is recorded. */
export async function recordingSides(layout: EnvironmentLayout, name: string): Promise<RecordingSides> {
  const [recording, shadows, models] = await Promise.all([
    findRecording(layout, name),
    readShadows(layout),
    readModels(layout),
  ]);
  if (!recording) throw refuse("recording.unknown", { name });
  const namespace = models.find((each) => each.name === name)?.namespace ?? models[0]?.namespace ?? "models";
  const shadow = shadows[name];
  const sides = shadow
    ? [shadow.primary, ...Object.values(shadow.shadows), ...(shadow.noise ? [shadow.noise] : [])].map(
        ({ schema, service }) => ({ schema, secret: `${service}-recorder` }),
      )
    : [{ schema: recording.schema, secret: `${kubernetesName(name)}-recorder` }];
  return { sides, namespace, redact: recording.settings.redact };
}
