import { isCredential } from "./credentials.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * What package managers read, where an index or a proxy of a company has its password: pip, uv, npm and go
 * (https://docs.astral.sh/uv/reference/environment/, https://pip.pypa.io/en/stable/topics/configuration/).
 */
const ofInstallers = /^(PIP_|UV_|npm_config_|GO[A-Z]+$|(https?|all|ftp)_proxy$)/i;

/**
 * Variables for a process that runs the code of others, as a package's setup.py is, or that outlives its terminal: without the
 * credentials of whoever started it, such as AWS_SECRET_ACCESS_KEY, GITHUB_TOKEN and database urls, but for those of installers.
 */
export function withoutOthersCredentials(variables: Variables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (ofInstallers.test(entry[0]) || !isCredential(entry[0], entry[1])),
    ),
  );
}
