import { clusterRefusals } from "./clusterRefusals.ts";
import type { Placeholders } from "./entry.ts";
import { modelRefusals } from "./modelRefusals.ts";
import { planRefusals } from "./planRefusals.ts";
import { poolRefusals } from "./poolRefusals.ts";
import { releaseRefusals } from "./releaseRefusals.ts";
import { rolloutRefusals } from "./rolloutRefusals.ts";
import { stackFileRefusals } from "./stackFileRefusals.ts";

/** Everything that `validate`, previews and `up` refuse of a stack, by id. Ids are what reviews and scripts match: they never change. */
export const refusals = {
  ...stackFileRefusals,
  ...modelRefusals,
  ...poolRefusals,
  ...clusterRefusals,
  ...releaseRefusals,
  ...rolloutRefusals,
  ...planRefusals,
} as const;

export type RefusalId = keyof typeof refusals;

/** Values that a refusal's sentence is made with. */
export type ValuesOf<Id extends RefusalId> = {
  readonly [Name in Placeholders<(typeof refusals)[Id]["says"] | (typeof refusals)[Id]["fix"]>]: string | number;
};
