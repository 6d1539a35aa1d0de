import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as z from "zod";

const run = promisify(execFile);
/** GitHub's own limit of an answer is 10 s. In milliseconds. */
const patience = 30_000;

/** A repository on GitHub, and how it is asked. */
export interface Repository {
  /** Such as `https://api.github.com`. */
  readonly api: string;
  /** `owner/name` */
  readonly name: string;
  /** A secret. */
  readonly token: string;
}

export interface NewPullRequest {
  /** Branch of the repository that holds the change, and that it goes to. */
  readonly head: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
}

export interface PullRequest {
  readonly url: string;
  readonly state: "open" | "closed";
}

const answered = z.object({ html_url: z.string(), state: z.enum(["open", "closed"]) });

/**
 * The repository that `origin` names, asked with GH_TOKEN, else GITHUB_TOKEN, else as GitHub's command `gh` is signed in. In a workflow
 * GITHUB_REPOSITORY and GITHUB_API_URL name it.
 *
 * @param origin - url of the remote
 */
export async function repositoryOf(origin: string, env: NodeJS.ProcessEnv = process.env): Promise<Repository> {
  const [, host, path] = /^(?:[a-z+]+:\/\/)?(?:[^@/]+@)?([^:/]+)(?::\d+)?[:/](.+?)(?:\.git)?\/?$/.exec(origin) ?? [];
  const name = env.GITHUB_REPOSITORY ?? path;
  // A server of one's own has its interface below a path: https://docs.github.com/en/enterprise-server/rest
  const api = env.GITHUB_API_URL ?? (host === "github.com" ? `https://api.${host}` : `https://${host}/api/v3`);
  if (!name || !/^[\w.-]+\/[\w.-]+$/.test(name)) throw new Error(`${origin} is not a repository on GitHub`);
  const token = env.GH_TOKEN || env.GITHUB_TOKEN || (await signedIn(host));
  return { api, name, token };
}

async function signedIn(host: string | undefined): Promise<string> {
  try {
    const args = ["auth", "token", ...(host ? ["--hostname", host] : [])];
    return (await run("gh", args, { timeout: patience })).stdout.trim();
  } catch (error) {
    throw new Error("set GH_TOKEN, or sign in by `gh auth login`", { cause: error });
  }
}

/** The newest pull request of a branch, open or closed; undefined where there was none. */
export async function findPullRequest(repository: Repository, head: string): Promise<PullRequest | undefined> {
  const [owner = ""] = repository.name.split("/");
  const query = new URLSearchParams({ head: `${owner}:${head}`, state: "all", per_page: "1" });
  const [found] = z.array(answered).parse(await ask(repository, "GET", `pulls?${query}`));
  return found && { url: found.html_url, state: found.state };
}

/** Opens a pull request for a branch that has no open one: see {@link findPullRequest}. */
export async function openPullRequest(repository: Repository, wanted: NewPullRequest): Promise<PullRequest> {
  const { html_url: url, state } = answered.parse(await ask(repository, "POST", "pulls", wanted));
  return { url, state };
}

async function ask({ api, name, token }: Repository, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${api}/repos/${name}/${path}`, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": "2022-11-28",
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(patience),
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new Error(`GitHub answered ${response.status}: ${messageIn(text)}`);
}

/** https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api */
function messageIn(text: string): string {
  try {
    const { message, errors = [] } = z
      .object({ message: z.string(), errors: z.array(z.object({ message: z.string().optional() })).optional() })
      .parse(JSON.parse(text));
    return [message, ...errors.flatMap((each) => each.message ?? [])].join(": ");
  } catch {
    return text.slice(0, 200);
  }
}
