import { hostname, userInfo } from "node:os";

/** Who runs this, and which run it is, as the continuous integration says or this machine does. */
export function requester(env: NodeJS.ProcessEnv): { readonly requestedBy: string; readonly run: string } {
  const { GITHUB_SERVER_URL: github, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: githubRun } = env;
  const link = github && repository && githubRun ? `${github}/${repository}/actions/runs/${githubRun}` : undefined;
  return {
    requestedBy: env.GITHUB_ACTOR || env.GITLAB_USER_LOGIN || `${userName()}@${hostname()}`,
    run: link || env.CI_JOB_URL || env.BUILD_URL || `process ${process.ppid} on ${hostname()}`,
  };
}

/** A user that the machine does not know has a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
