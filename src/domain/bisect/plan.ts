import { counted } from "../counted.ts";
import type { NotJudged } from "./ports.ts";

/** What a search would do, without doing it. */
export interface SearchPlan {
  /** Deployments from one end to the other. */
  readonly releases: number;
  /** Places of the history that differ from the one before, the oldest first. */
  readonly places: readonly {
    readonly label: string;
    /** Deployments with the same content, that follow each other. */
    readonly releases: readonly string[];
    readonly known: "answered" | "not yet" | NotJudged;
  }[];
}

/** How many places are brought up at most: both ends, and ceil(log2 n) between them; more where some cannot be judged. */
export function mostRestores({ places }: SearchPlan): number {
  return 2 + Math.ceil(Math.log2(Math.max(1, places.length - 1)));
}

/** The plan as a terminal shows it. */
export function describePlan(plan: SearchPlan, model: string): string {
  const { releases, places } = plan;
  const lines = places.map(({ label, releases: [, ...same], known }) => {
    const repeated = same.length === 0 ? "" : `, and ${counted(same.length, "release")} after it with the same content`;
    const state =
      typeof known === "object" ? `, not judged: ${known.notJudged}` : known === "answered" ? ", answered before" : "";
    return `  ${label}${repeated}${state}`;
  });
  return [
    `${counted(releases, "release")}, in which what answers for ${model} has ${counted(places.length, "content")} one after the other:`,
    ...lines,
    `at most ${mostRestores(plan)} of them would be brought up, one after the other and beside what serves: both ends first, then the middle of what is left; one more or two for each that cannot be judged`,
    "then parts of the change are brought up on the release before it, until the smallest set that makes the difference is known",
  ].join("\n");
}
