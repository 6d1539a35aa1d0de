import * as z from "zod";

/**
 * Manifests of every kind that a registry may keep under a digest (OCI distribution specification 1.1, and Docker's before it), as
 * an Accept header.
 */
export const acceptedManifests = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** What a registry wants of whoever asks, as its answer 401 says (RFC 9110, and the distribution specification's token authentication). */
export type RegistryChallenge =
  | { readonly scheme: "basic" }
  /** A token for reading the repository, which this address gives. */
  | { readonly scheme: "bearer"; readonly address: URL; readonly service: string | undefined; readonly scope: string };

/**
 * Reads the header `WWW-Authenticate`; undefined for what no registry wants.
 *
 * @param name - of the repository, for a challenge that names no scope
 */
export function registryChallenge(header: string | null, name: string): RegistryChallenge | undefined {
  if (/^basic\b/i.test(header ?? "")) return { scheme: "basic" };
  const value = (key: string) => new RegExp(`\\b${key}="([^"]*)"`, "i").exec(header ?? "")?.[1];
  const address = URL.parse(value("realm") ?? "");
  if (!address) return undefined;
  const [service, scope = `repository:${name}:pull`] = [value("service"), value("scope")];
  if (service) address.searchParams.set("service", service);
  address.searchParams.set("scope", scope);
  return { scheme: "bearer", address, service, scope };
}

const answer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** The token in the answer of a challenge's address; undefined where it gives none. */
export function tokenIn(body: unknown): string | undefined {
  const { data } = answer.safeParse(body);
  return data?.token ?? data?.access_token;
}
