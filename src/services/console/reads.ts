import type { ClientBase, Pool } from "pg";
import { readActivity } from "../../adapters/postgres/activity.ts";
import { listApps } from "../../adapters/postgres/apps.ts";
import { readApp } from "../../adapters/postgres/console/app.ts";
import { readMark, readShownStandings } from "../../adapters/postgres/console/reads.ts";
import { listDevelopment, listPatches, readWholePatch } from "../../adapters/postgres/developmentHistory.ts";
import { readLooks } from "../../adapters/postgres/judgement/readVerdicts.ts";
import { listOrganizationLimits } from "../../adapters/postgres/limits/databaseLimits.ts";
import { readOrganizationUsage, readUsage } from "../../adapters/postgres/limits/readUsage.ts";
import { compareRecorded } from "../../adapters/postgres/predictions/compareRecorded.ts";
import { recordedConversations } from "../../adapters/postgres/predictions/recordedConversations.ts";
import { listChangingDeployments, recordedDeployment } from "../../adapters/postgres/releases.ts";
import { sqlState } from "../../adapters/postgres/server.ts";
import { readLastMinute } from "../../adapters/postgres/traffic/lastMinute.ts";
import { type ConsoleReads, type ShadowQuestion, type StackReads, TooMuch } from "../../domain/console/ports.ts";
import { silent } from "../../domain/progress.ts";
import type { ComparisonResult } from "../../domain/shadow/comparisonResult.ts";
import { freshCache } from "../api/freshCache.ts";

/** Every page that is open asks for these again and again, and gets them from one question. Milliseconds. */
const sharedFor = 1_000;
/** A comparison reads every pair of its time: it is made anew so often at most, and given up after so long. Milliseconds. */
const comparisonSharedFor = 15_000;
const comparisonWithin = 5_000;
/** Where models stand is kept while nothing changed, for so long: how many apps point somewhere is not a change by itself. Milliseconds. */
const keptFor = 5_000;

/** What pages are made from, read by the functions that commands use. */
export function consoleReads(pool: Pool, stack: StackReads): ConsoleReads {
  const withClient = async <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      return await work(client);
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      client.release(broken);
    }
  };
  const minute = freshCache(() => readLastMinute(pool, Date.now()), { freshFor: sharedFor });
  const served = freshCache(() => stack.served(), { freshFor: sharedFor });
  const pools = freshCache(() => stack.pools(), { freshFor: sharedFor });
  const shadows = freshCache(() => stack.shadows(), { freshFor: sharedFor });
  const compared = freshCache(
    (question) => withClient((client) => compare(client, JSON.parse(question) as ShadowQuestion)),
    {
      freshFor: comparisonSharedFor,
    },
  );
  const comparison = (question: ShadowQuestion) => compared(JSON.stringify(question));
  const mark = () => readMark(pool);
  const standings = keptByMark(mark, () => withClient((client) => readShownStandings(client)));
  return {
    standings: async (name) => {
      const all = await standings();
      if (name === undefined) return all;
      const found = all.filter((each) => each.name === name);
      // A model that is off stands nowhere, and is there.
      return found.length > 0 ? found : withClient((client) => readShownStandings(client, name));
    },
    looks: (judgementId) => readLooks(pool, judgementId),
    minute: () => minute(""),
    served: () => served(""),
    pools: () => pools(""),
    shadows: () => shadows(""),
    activity: (question) => readActivity(pool, question),
    apps: (question) => listApps(pool, question),
    app: (question) => readApp(pool, question),
    usage: (question) => readUsage(pool, question),
    organizationUsage: (question) => readOrganizationUsage(pool, question),
    limits: () => listOrganizationLimits(pool),
    releases: (limit) => withClient((client) => listChangingDeployments(client, limit)),
    release: (environment, id) => withClient((client) => recordedDeployment(client, environment, id)),
    development: (question) => listDevelopment(pool, question),
    patches: (versionId, question) => listPatches(pool, versionId, question),
    wholePatch: (versionId, place) => readWholePatch(pool, versionId, place),
    comparison,
    comparedPairs: async (question) => {
      const result = await comparison(question);
      return {
        result,
        conversations: await withClient((client) => recordedConversations(client, sidesOf(question), result)),
      };
    },
    mark,
  };
}

/** The answer that was read last, while the mark is the same and the answer is young. A failure is not kept. */
function keptByMark<T>(mark: () => Promise<string>, read: () => Promise<T>): () => Promise<T> {
  let kept: { readonly mark: string; readonly at: number; readonly answer: Promise<T> } | undefined;
  return async () => {
    const [now, at] = [await mark(), performance.now()];
    if (kept?.mark === now && at - kept.at < keptFor) return kept.answer;
    const made = { mark: now, at, answer: read() };
    kept = made;
    made.answer.catch(() => {
      if (kept === made) kept = undefined;
    });
    return made.answer;
  };
}

function sidesOf({ deployment: { primary, shadows }, shadow }: ShadowQuestion) {
  return { primary, shadow: shadows[shadow] ?? primary };
}

/** As `menagerie compare` does, which has all the time that it takes. */
async function compare(client: ClientBase, question: ShadowQuestion): Promise<ComparisonResult> {
  const { deployment, withinMs } = question;
  const { compare: rules, percent, noise } = deployment;
  const until = new Date();
  const since = new Date(withinMs === null ? 0 : until.getTime() - withinMs);
  const signal = AbortSignal.timeout(comparisonWithin);
  try {
    return await compareRecorded(
      client,
      { ...sidesOf(question), since, until, rules, percent, noise: noise ?? undefined, signal },
      silent,
    );
  } catch (error) {
    // 57014: a statement was cut at its limit.
    if (signal.aborted || sqlState(error) === "57014") throw new TooMuch("too many pairs", { cause: error });
    throw error;
  }
}
