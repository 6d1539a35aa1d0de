import { clusterRefusals } from "./clusterRefusals.ts";
import { modelRefusals } from "./modelRefusals.ts";
import { planRefusals } from "./planRefusals.ts";
import { poolRefusals } from "./poolRefusals.ts";
import { releaseRefusals } from "./releaseRefusals.ts";
import { rolloutRefusals } from "./rolloutRefusals.ts";
import { stackFileRefusals } from "./stackFileRefusals.ts";

/**
 * Everything that `validate`, previews and `up` refuse of a stack's config, by id. Ids are what reviews and scripts match: they never
 * change. What else is refused stands in tables beside the code that throws it.
 */
export const refusals = {
  ...stackFileRefusals,
  ...modelRefusals,
  ...poolRefusals,
  ...clusterRefusals,
  ...releaseRefusals,
  ...rolloutRefusals,
  ...planRefusals,
} as const;
