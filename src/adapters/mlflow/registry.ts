import { fetch } from "undici";
import * as z from "zod";
import { messageOf } from "../../domain/errors.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { refusal } from "../refusals.ts";

/** A model version as MLflow's registry knows it. */
export interface MlflowVersion {
  readonly model: string;
  readonly version: number;
  /** Where its files lie, such as `s3://models/ranker/42`. */
  readonly source: string;
  /** Id of the run that made it; empty for one that was registered by hand. */
  readonly runId: string;
}

/** How a tracking server is reached. Credentials are those that MLflow's own clients read from the environment. */
export interface MlflowServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

const patience = 15_000;

const version = z.object({
  name: z.string(),
  version: z.coerce.number().int().min(1),
  source: z.string().default(""),
  run_id: z.string().default(""),
});
const versionAnswer = z.object({ model_version: version });
const versionsAnswer = z.object({
  model_versions: z.array(version).default([]),
  next_page_token: z.string().optional(),
});
const errorAnswer = z.object({ error_code: z.string().default(""), message: z.string().default("") });

/** The server that `menagerie:mlflow.url` or MLFLOW_TRACKING_URI names; undefined for none. */
export function mlflowServer(url: string | undefined, env: NodeJS.ProcessEnv): MlflowServer | undefined {
  const address = url ?? env.MLFLOW_TRACKING_URI;
  if (!address) return undefined;
  return {
    url: address.replace(/\/+$/, ""),
    token: env.MLFLOW_TRACKING_TOKEN,
    username: env.MLFLOW_TRACKING_USERNAME,
    password: env.MLFLOW_TRACKING_PASSWORD,
  };
}

/**
 * Version `version` of a registered model, or the one that `alias` names.
 * @throws OperatorError with one sentence that begins with `key` when there is none, or the server does not answer.
 */
export async function findVersion(
  server: MlflowServer,
  key: string,
  wanted: { readonly model: string; readonly version?: number | undefined; readonly alias?: string | undefined },
): Promise<MlflowVersion> {
  const { model } = wanted;
  const [path, query] =
    wanted.alias === undefined
      ? ["model-versions/get", { name: model, version: String(wanted.version) }]
      : ["registered-models/alias", { name: model, alias: wanted.alias }];
  const what = wanted.alias === undefined ? `version ${wanted.version}` : `alias "${wanted.alias}"`;
  try {
    const answer = await ask(server, key, `${what} of model "${model}"`, path ?? "", query);
    return fromWire(versionAnswer.parse(answer).model_version);
  } catch (error) {
    if (!(error instanceof NotRegistered)) throw error;
    const known = (await listVersions(server, key, model)).slice(0, 5).map((each) => each.version);
    const change = known.length > 0 ? `its latest versions are ${known.join(", ")}` : "register it there";
    throw refused(refusal("mlflow.not-registered", key, { url: server.url, what: error.what, change }));
  }
}

/** What was asked for is not in the registry. */
class NotRegistered extends Error {
  readonly what: string;

  constructor(what: string) {
    super(`no ${what}`);
    this.what = what;
  }
}

/** All versions of a registered model, the latest first. */
export async function listVersions(server: MlflowServer, key: string, model: string): Promise<MlflowVersion[]> {
  const versions: MlflowVersion[] = [];
  const filter = `name='${model.replaceAll("'", "\\'")}'`;
  for (let page: string | undefined = ""; page !== undefined; ) {
    const query = { filter, max_results: "200", ...(page ? { page_token: page } : {}) };
    const answer = versionsAnswer.parse(
      await ask(server, key, `versions of model "${model}"`, "model-versions/search", query),
    );
    versions.push(...answer.model_versions.map(fromWire));
    page = answer.next_page_token || undefined;
  }
  return versions.sort((a, b) => b.version - a.version);
}

function fromWire({ name, version: number, source, run_id }: z.output<typeof version>): MlflowVersion {
  return { model: name, version: number, source, runId: run_id };
}

/** MLflow's REST API 2.0 (https://mlflow.org/docs/latest/rest-api.html). */
async function ask(
  server: MlflowServer,
  key: string,
  what: string,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<unknown> {
  const url = new URL(`${server.url}/api/2.0/mlflow/${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, { headers: credentials(server), signal: AbortSignal.timeout(patience) });
    [status, text] = [response.status, await response.text()];
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw refused(refusal("mlflow.unanswered", key, { url: server.url, cause }));
  }
  const body = parsed(text);
  if (status === 200 && body !== undefined) return body;
  const { error_code, message } = errorAnswer.parse(body ?? {});
  if (
    error_code === "RESOURCE_DOES_NOT_EXIST" ||
    // So it answers for an alias that no version has.
    (error_code === "INVALID_PARAMETER_VALUE" && path === "registered-models/alias")
  ) {
    throw new NotRegistered(what);
  }
  if (status === 401 || status === 403) {
    throw refused(refusal("mlflow.credentials", key, { url: server.url }));
  }
  throw refused(
    refusal("mlflow.failed", key, { url: server.url, status, what, message: (message || text).slice(0, 200) }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function credentials({ token, username, password }: MlflowServer): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}` };
}
