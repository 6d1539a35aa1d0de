/** A proxy that the host itself has to use, from its environment. */
export interface HostProxy {
  readonly host: string;
  readonly port: number;
  /** Value of `proxy-authorization`, where the proxy's URL has a user. */
  readonly authorization?: string;
}

/**
 * The proxy for `scheme://host` by the usual variables: HTTPS_PROXY or HTTP_PROXY, then ALL_PROXY, lower case first,
 * except for what NO_PROXY lists (`*`, names, and domains with or without a leading dot). Undefined: connect directly.
 * Throws for a value that is not a URL, and for kinds of proxy other than `http://`.
 */
export function hostProxyFor(
  scheme: "http" | "https",
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): HostProxy | undefined {
  const read = (name: string): string => env[name.toLowerCase()] || env[name.toUpperCase()] || "";
  const value = read(`${scheme}_proxy`) || read("all_proxy");
  if (value === "") return undefined;
  const name = host.toLowerCase();
  for (const item of read("no_proxy")
    .toLowerCase()
    .split(/[\s,]+/)) {
    const domain = item.replace(/^\*?\./, "");
    if (item === "*" || (domain !== "" && (name === domain || name.endsWith(`.${domain}`)))) return undefined;
  }
  const url = URL.parse(value.includes("://") ? value : `http://${value}`);
  if (url?.protocol !== "http:") throw new Error(`${scheme}_proxy is not an http:// URL`);
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 80 : Number(url.port),
    ...(user === ""
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString("base64")}` }),
  };
}
