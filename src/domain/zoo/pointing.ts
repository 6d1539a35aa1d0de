import type { Clause } from "../refusals/clause.ts";
import { copyName } from "./plan.ts";

/** A version that apps are pointed at, or moved away from. */
export interface PointedVersion {
  readonly id: string;
  /** Name of the zoo model, or of its copy. */
  readonly model: string;
  readonly number: number;
  /** Whether it answers predictions. */
  readonly served: boolean;
}

/**
 * How an app comes to point at a version: it is new, brought back after its deletion, tries the copy, or is moved by a
 * migration in one of its directions.
 */
export type PointingWay = "new" | "undelete" | "try" | "forward" | "reverted";

/**
 * Why apps may not be pointed at `goal`; undefined when they may. The one check of every way of moving an
 * app.
 *
 * @param left - version that they pointed at before; undefined for new apps
 */
export function pointingRefusal(
  way: PointingWay,
  goal: PointedVersion,
  left: PointedVersion | undefined,
): Clause | undefined {
  const of = modelOf(goal.model);
  if (way === "new" && of !== goal.model) {
    return {
      problem: `${goal.model} is the copy of ${of} that a rollout tries`,
      fix: `make an app of ${of}, and point it there by \`menagerie rollout try ${of}\``,
    };
  }
  if (left && modelOf(left.model) !== of) {
    return {
      problem: `version ${goal.id} is of ${goal.model}, and version ${left.id} of ${left.model}`,
      fix: "apps move between versions of one model, give another id",
    };
  }
  if (way === "forward" && of !== goal.model) {
    return {
      problem: `version ${goal.id} is of ${goal.model}, which only apps that try it point at`,
      fix: `set menagerie:zoo.${of}.phase: version, or move one app by \`menagerie rollout try ${of}\``,
    };
  }
  if (goal.served) return undefined;
  const problem = `version ${goal.number} of ${goal.model} (id ${goal.id}) is not served, so apps that point at it would get errors`;
  return of === goal.model
    ? { problem, fix: `roll its content out by menagerie:zoo.${of}.phase: copy` }
    : { problem, fix: `set menagerie:zoo.${of}.phase: copy and run \`up\`` };
}

/** The zoo model that a name is of: its own, or that of the copy. */
export function modelOf(model: string): string {
  const base = model.replace(/_copy$/, "");
  return copyName(base) === model ? base : model;
}
