/**
 * Replaces `$(NAME)` by the variable's value where it is known, leaves it as it is where it is not, and turns `$$`
 * into `$`. Source: `k8s.io/kubernetes/third_party/forked/golang/expansion`.
 */
export function expandReferences(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (variables.get(name) ?? whole),
  );
}

export interface CommandParts {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
}

/**
 * The argument vector of a container: a pod's `command` replaces the image's entrypoint and its cmd, `args` only the
 * cmd. References are expanded in what the pod says, never in what the image says.
 */
export function commandLine(parts: CommandParts, variables: ReadonlyMap<string, string>): string[] {
  const expand = (words: readonly string[]): string[] => words.map((word) => expandReferences(word, variables));
  const command = parts.command ?? [];
  const args = parts.args ?? [];
  if (command.length > 0) return [...expand(command), ...expand(args)];
  return [...parts.entrypoint, ...(args.length > 0 ? expand(args) : parts.cmd)];
}

/** Host variables that name files or folders: a pod that may install packages sees those too. */
export const egressFileVariables = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "PIP_CERT",
  "PIP_CONFIG_FILE",
  "PIP_FIND_LINKS",
  "UV_CONFIG_FILE",
  "UV_FIND_LINKS",
] as const;

/** What a pod that may install packages gets from the host, besides the proxy. */
const passedOn = [
  ...egressFileVariables,
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "PIP_TRUSTED_HOST",
  "PIP_NO_INDEX",
  "PIP_DEFAULT_TIMEOUT",
  "UV_INDEX_URL",
  "UV_DEFAULT_INDEX",
  "UV_EXTRA_INDEX_URL",
  "UV_INDEX",
  "UV_NATIVE_TLS",
  "UV_NO_INDEX",
  "UV_INSECURE_HOST",
  "UV_HTTP_TIMEOUT",
];

/**
 * Variables for pods with the annotation `menagerie.dev/egress: "true"`: the egress proxy `proxy` (a URL), everything
 * inside the cluster reached directly, and the host's own settings of pip and uv.
 */
export function egressVariables(
  proxy: string,
  host: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const direct = "localhost,127.0.0.1,10.88.0.0/16,10.96.0.0/12,.svc,.cluster.local,.local";
  const variables: Record<string, string> = {};
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) {
    variables[name] = proxy;
    variables[name.toLowerCase()] = proxy;
  }
  variables.NO_PROXY = direct;
  variables.no_proxy = direct;
  for (const name of passedOn) {
    const value = host[name];
    if (value) variables[name] = value;
  }
  return variables;
}
