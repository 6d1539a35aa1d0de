import { type Refusal, refusal } from "../refusals/refusal.ts";
import { isRowId } from "../rowId.ts";
import type { Phase } from "./phases.ts";
import { modelOf } from "./pointing.ts";

/** What the config says of the apps that a rollout leaves where their owners pointed them. */
export interface LeaveRequest {
  /** Name of the zoo model. */
  readonly model: string;
  readonly phase: Phase;
  /** Id of the version that the rollout leaves, in the table that the ids are of; undefined without a rollout. */
  readonly from: string | undefined;
  /** Ids as the config writes them. */
  readonly leave: readonly string[];
  /** Table of an existing database that the ids are of. @default the platform's own apps */
  readonly table?: string | undefined;
}

/** Where an app is that a config names by its id. */
export interface NamedApp {
  readonly id: string;
  /** The version that it points at, or did when it was deleted. */
  readonly pointsAt: {
    readonly id: string;
    /** Name of the zoo model or its copy; undefined where the table does not tell. */
    readonly model?: string | undefined;
    /** @default not known */
    readonly number?: number | undefined;
  };
  readonly isDeleted: boolean;
  /** Whether `forward` has moved it before, so that it is there because its owner pointed it back. */
  readonly wasMoved: boolean;
}

/** Phases that move what was not moved yet, now or later. */
const moving: readonly Phase[] = ["off", "copy", "version", "forward", "bake"];

/** Key of an entry of a model in the config, such as `menagerie:zoo.iris.leave[0]`. */
export type ModelKey = (model: string, ...path: readonly (string | number)[]) => string;

/**
 * Ids that leave nothing where it is, as far as the config shows. Warnings: a rollout goes on, and above all back, whatever is listed.
 */
export function leaveIssues({ model, from, leave, table }: LeaveRequest, key: ModelKey): Refusal[] {
  if (leave.length === 0) return [];
  if (from === undefined) return [refusal("leave.no-rollout", key(model, "leave"), { from: key(model, "from") })];
  return leave.flatMap((id, place) => {
    const at = key(model, "leave", place);
    if (leave.indexOf(id) < place) return [refusal("leave.twice", at, { id: JSON.stringify(id) })];
    const isId = table !== undefined || isRowId(id);
    return isId ? [] : [refusal("leave.not-an-id", at, { id: JSON.stringify(id) })];
  });
}

/**
 * Ids that leave nothing where it is, as the database shows; beside {@link leaveIssues}.
 *
 * @param apps - those that were found, in any order
 */
export function leaveWarnings(request: LeaveRequest, apps: readonly NamedApp[], key: ModelKey): Refusal[] {
  const { model, from, leave, table } = request;
  if (from === undefined) return [];
  const found = new Map(apps.map((app) => [app.id, app]));
  return leave.flatMap((id, place) => {
    if (leave.indexOf(id) < place || (table === undefined && !isRowId(id))) return [];
    const at = key(model, "leave", place);
    const app = found.get(id);
    if (!app) return [refusal("leave.no-app", at, { table: table ?? "the platform", id: JSON.stringify(id) })];
    const warning = warningOf(app, { ...request, from }, at, key);
    return warning ? [warning] : [];
  });
}

function warningOf(
  { id, pointsAt, isDeleted, wasMoved }: NamedApp,
  { model, phase, from }: LeaveRequest & { readonly from: string },
  at: string,
  key: ModelKey,
): Refusal | undefined {
  if (isDeleted) return refusal("leave.deleted", at, { id });
  const other = pointsAt.model === undefined ? model : modelOf(pointsAt.model);
  if (other !== model) return refusal("leave.other-model", at, { id, other, model, at: key(other, "leave") });
  // Everybody is back on the old version then, whoever had moved.
  if (phase === "reverted") return undefined;
  if (pointsAt.id !== from) {
    const { number, model: of } = pointsAt;
    const version = number === undefined ? `version ${pointsAt.id}` : `version ${number} of ${of} (id ${pointsAt.id})`;
    return refusal("leave.moved-on", at, { id, version });
  }
  return !wasMoved && moving.includes(phase) ? refusal("leave.not-moved", at, { id }) : undefined;
}
