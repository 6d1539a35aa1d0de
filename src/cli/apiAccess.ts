import { createDevelopmentVersions, type DevelopmentVersions } from "../adapters/api/developmentVersions.ts";
import { messageOf } from "../domain/errors.ts";
import { environmentLayout } from "../local/layout.ts";
import { type EngineTarget, readTarget } from "../local/target.ts";
import { refuse } from "./refusals.ts";

/** An API service, without a path, and a key for it. */
export interface ApiAccess {
  readonly url: string;
  /** A secret. */
  readonly key: string;
}

interface SecretList {
  readonly items: readonly { readonly data?: Readonly<Record<string, string>> }[];
}

/** Where the stack keeps its own key to the API service, in whichever namespace; see `components/platformServices.ts`. */
const keySecret = "api-database";

/**
 * The API service of an environment and a key for it: MENAGERIE_API_URL and MENAGERIE_API_KEY where they are set. Else,
 * in an environment of this machine, the stack's own key, which whoever has the environment's kubeconfig may read.
 */
export async function apiAccess(environment: string): Promise<ApiAccess> {
  const target = await readTarget(environmentLayout(environment));
  if (target || process.env.MENAGERIE_API_URL) return accessOf(target);
  throw refuse("api.unknown", { environment });
}

/** Development versions, by the API service of an environment. */
export async function developmentClient(target: EngineTarget): Promise<DevelopmentVersions> {
  return createDevelopmentVersions(await accessOf(target));
}

async function accessOf(target: EngineTarget | undefined): Promise<ApiAccess> {
  const url = process.env.MENAGERIE_API_URL ?? target?.apiUrl;
  if (!url) throw refuse("api.url-not-set");
  const key = process.env.MENAGERIE_API_KEY || (target && (await stackKey(target.kubeconfig)));
  if (!key) throw refuse("api.key-not-set");
  return { url: url.replace(/\/+$/, ""), key };
}

async function stackKey(kubeconfig: string): Promise<string> {
  try {
    // The client takes half a second to load, and who gives a key needs none of it.
    const [{ kubeConfigOf }, { requestJson }] = await Promise.all([
      import("../adapters/kubernetes/kubeConfigFile.ts"),
      import("../adapters/kubernetes/request.ts"),
    ]);
    const query = { fieldSelector: `metadata.name=${keySecret}` };
    const { items } = await requestJson<SecretList>(kubeConfigOf(kubeconfig), "GET", "/api/v1/secrets", { query });
    const key = items.map(({ data }) => data?.adminKey).find((value) => value !== undefined);
    if (key) return Buffer.from(key, "base64").toString("utf8");
  } catch (error) {
    throw refuse("api.stack-key-unreadable", { reason: messageOf(error) }, error);
  }
  throw refuse("api.not-deployed");
}
