import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { stickyBy, stickyHeaderOf } from "../domain/zoo/traffic.ts";

/** What a stack asks its cluster about Istio. */
export interface IstioReader {
  /** Versions of its control planes, such as `1.31.0`; of a build without one, nothing. */
  readonly istioVersions: () => Promise<readonly string[]>;
}

/** The first minor of Istio 1 whose Envoy (1.36) draws between weights by a hash. */
const firstMinor = 28;

/**
 * Whether the gateway can keep users on one side by a header, where an entry asks for it: an older one would draw each request by itself and
 * nobody would notice. Refused in previews too; what cannot be read is answered.
 */
export async function checkStickyHeaders(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  reader: IstioReader,
): Promise<readonly string[]> {
  const asking = Object.entries(zoo).flatMap(([model, { by }]) =>
    by !== undefined && stickyHeaderOf(stickyBy(by)) !== undefined ? [{ by, at: keyPath(["zoo", model, "by"]) }] : [],
  );
  const [first] = asking;
  if (!first) return [];
  const unchecked = (why: string) => [
    `not checked whether the gateway can draw by a header, as ${first.at} says: ${why}`,
  ];
  let versions: readonly string[];
  try {
    versions = await reader.istioVersions();
  } catch (error) {
    return unchecked(messageOf(error));
  }
  if (versions.length === 0) return unchecked("no pod of istiod in istio-system tells its version");
  const old = versions.find((version) => {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    return major < 1 || (major === 1 && minor < firstMinor);
  });
  if (old === undefined) return [];
  throw refused(asking.map(({ by, at }) => refusal("traffic.by-header-istio", at, { by, version: old })));
}
