import type { ClientBase } from "pg";
import { deploymentAsOf, deploymentOfId, listDeployments } from "../../adapters/postgres/releases.ts";
import { type MixedCombination, reachedBy } from "../../domain/bisect/parts.ts";
import type { NotJudged } from "../../domain/bisect/ports.ts";
import type { Candidate } from "../../domain/bisect/search.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { DeploymentRange, RestorableDeployment } from "../../domain/release/record.ts";
import { findDeployment } from "../releases/record.ts";
import { timeArgument } from "../timeArgument.ts";
import { refuse } from "./refusals.ts";

/** A deployment of the record, and what of it is brought up. */
export interface SearchedRelease extends Candidate {
  readonly deployment: DeploymentRange;
}

/** A release of the record as a combination. Throws OperatorError where the record, or this machine, does not have all of it. */
export type ReadRunnable = (client: ClientBase, deployment: RestorableDeployment) => Promise<MixedCombination>;

export interface HistoryWanted {
  readonly stack: string;
  /** Each a tag, a deployment's number or a moment. */
  readonly from: string;
  readonly to: string;
}

/** The deployments from one end to the other, the oldest first; at least two. @throws OperatorError for ends that are none. */
export async function deploymentsBetween(
  client: ClientBase,
  { stack, from, to }: HistoryWanted,
): Promise<DeploymentRange[]> {
  const history = (await listDeployments(client, { environment: stack })).toReversed();
  const [first, last] = [
    await endOf(client, stack, from, "the older end", history),
    await endOf(client, stack, to, "the younger end", history),
  ];
  const [start, end] = [first, last].map(({ id }) => history.findIndex((each) => each.id === id));
  if (start === undefined || end === undefined || start < 0 || end < 0) {
    throw new Error("a deployment was found and is gone");
  }
  if (start >= end) throw refuse("bisect.order", { from: labelOf(first), to: labelOf(last) });
  return history.slice(start, end + 1);
}

async function endOf(
  client: ClientBase,
  stack: string,
  given: string,
  option: string,
  history: readonly DeploymentRange[],
): Promise<DeploymentRange> {
  if (!isMoment(given)) return findDeployment(client, stack, given);
  const time = timeArgument(option, given, new Date());
  const found = await deploymentAsOf(client, stack, time);
  if (found) return found;
  const first = history[0]?.since.toISOString() ?? "its first `up`, which has not happened yet";
  throw refuse("bisect.nothing-then", { moment: given, stack, first });
}

/** Tags begin with `v` or `release-`, and numbers of deployments have no unit. */
function isMoment(given: string): boolean {
  return /^\d+[mhd]$/.test(given) || /^\d{4}-\d{2}-\d{2}/.test(given);
}

/** What of each deployment answers for `model`, or why it cannot be brought up. */
export async function searchedReleases(
  client: ClientBase,
  deployments: readonly DeploymentRange[],
  {
    stack,
    model,
    readRunnable,
  }: { readonly stack: string; readonly model: string; readonly readRunnable: ReadRunnable },
): Promise<SearchedRelease[]> {
  const releases: SearchedRelease[] = [];
  for (const deployment of deployments) {
    const combination = await combinationOf(client, deployment, stack, readRunnable);
    const reached = "notJudged" in combination ? combination : servedPart(combination, model);
    releases.push({ label: labelOf(deployment), deployment, combination: reached });
  }
  return releases;
}

async function combinationOf(
  client: ClientBase,
  { id, outcome, reason }: DeploymentRange,
  stack: string,
  readRunnable: ReadRunnable,
): Promise<MixedCombination | NotJudged> {
  if (outcome !== "deployed") return { notJudged: `it did not come to what was intended (${reason ?? "unknown"})` };
  try {
    return await readRunnable(client, await deploymentOfId(client, stack, id));
  } catch (error) {
    if (error instanceof OperatorError) return { notJudged: error.message.split("\n", 1)[0] ?? "" };
    throw error;
  }
}

function servedPart(combination: MixedCombination, model: string): MixedCombination | NotJudged {
  const reached = reachedBy(model, combination);
  return reached.models.length === 0 ? { notJudged: `it does not serve ${model}` } : reached;
}

/** The tag, with the number where the tag alone may stand for several. */
export function labelOf({ tag, id }: Pick<RestorableDeployment, "tag" | "id">): string {
  return `${tag} (deployment ${id})`;
}
