import { readNamedApps, readNamedRows } from "../adapters/postgres/zoo/namedApps.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { declaredLeaveWarnings, leaveRequests, zooKey } from "../config/leave.ts";
import { messageOf, OperatorError } from "../domain/errors.ts";
import { type LeaveRequest, leaveWarnings, type NamedApp } from "../domain/zoo/leave.ts";
import type { PlatformPlan } from "./platform.ts";

type Spec = Pick<EnvironmentSpec, "zoo" | "migrationTarget">;

/**
 * Sentences about entries of `leave` that leave nothing where it is: what the config shows, and what the databases show by read-only
 * queries. Nothing of it stops an `up`: a list that is not needed for going back may not block going back.
 */
export async function leaveSentences(spec: Spec, platform: PlatformPlan | undefined): Promise<string[]> {
  const sentences = declaredLeaveWarnings(spec).map(({ message }) => message);
  for (const request of leaveRequests(spec)) {
    if (!platform || request.from === undefined) continue;
    const apps = await readApps(request, spec, platform).catch((error: unknown) => {
      if (!(error instanceof OperatorError)) throw error;
      return messageOf(error);
    });
    if (typeof apps === "string") sentences.push(`${zooKey(request.model, "leave")} was not checked: ${apps}`);
    else if (apps) sentences.push(...leaveWarnings(request, apps, zooKey).map(({ message }) => message));
  }
  return sentences;
}

/** Undefined where nobody was asked, or the table is refused anyway. */
async function readApps(
  { model, leave, table }: LeaveRequest,
  { zoo }: Spec,
  { basis, server, target }: PlatformPlan,
): Promise<readonly NamedApp[] | undefined> {
  if (table === undefined) return basis === "read" ? readNamedApps(server, leave) : undefined;
  const pair = zoo[model]?.apps;
  return pair && target?.isRead ? readNamedRows(target.connection, pair, leave) : undefined;
}
