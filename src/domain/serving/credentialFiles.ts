/**
 * Where a development version's container looks for credentials of the addresses that it installs from: files that are patched below its
 * bundled packages, where they do not show in command lines and logs.
 */
export const credentialFiles = {
  /** Folder of bundled packages, unless a truss's config names another. */
  packages: "packages",
  /** Below it; of uv. */
  netrc: ".menagerie/netrc",
  /** Below it; of git, in the format of its `store` helper. */
  git: ".menagerie/git-credentials",
} as const;

const absolute = (path: string): string => `/${credentialFiles.packages}/${path}`;

/** Variables by which uv and git find the files. A stack's own win. */
export const credentialVariables: Readonly<Record<string, string>> = {
  NETRC: absolute(credentialFiles.netrc),
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "credential.helper",
  GIT_CONFIG_VALUE_0: `store --file=${absolute(credentialFiles.git)}`,
};
