import { KubeConfig } from "@kubernetes/client-node";
import { requestJson } from "../adapters/kubernetes/request.ts";
import { badInput, messageOf } from "../domain/errors.ts";
import { environmentLayout } from "../local/layout.ts";
import { readTarget } from "../local/target.ts";

interface SecretList {
  readonly items: readonly { readonly data?: Readonly<Record<string, string>> }[];
}

/**
 * The API service of an environment and a key for it: MENAGERIE_API_URL and MENAGERIE_API_KEY where they are set. Else,
 * in an embedded environment, the stack's own key, which whoever has the environment's kubeconfig may read.
 */
export async function apiAccess(environment: string): Promise<{ readonly url: string; readonly key: string }> {
  const { MENAGERIE_API_URL: url, MENAGERIE_API_KEY: key } = process.env;
  if (url && key) return { url: url.replace(/\/+$/, ""), key };
  const target = await readTarget(environmentLayout(environment));
  const found = url ?? target?.apiUrl;
  if (!found) {
    throw badInput(
      `no API service: set MENAGERIE_API_URL and MENAGERIE_API_KEY, or bring environment "${environment}" up with \`menagerie up -e ${environment}\``,
    );
  }
  if (!target && !key) throw badInput("MENAGERIE_API_KEY: missing; `menagerie key create` makes one");
  return { url: found.replace(/\/+$/, ""), key: key ?? (await stackKey(target?.kubeconfig ?? "")) };
}

async function stackKey(kubeconfig: string): Promise<string> {
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
    const query = { fieldSelector: "metadata.name=api-database", labelSelector: "" };
    const { items } = await requestJson<SecretList>(config, "GET", "/api/v1/secrets", { query });
    const key = items.map(({ data }) => data?.adminKey).find((value) => value !== undefined);
    if (key) return Buffer.from(key, "base64").toString("utf8");
  } catch (error) {
    throw badInput(`the stack's API key cannot be read (${messageOf(error)}); set MENAGERIE_API_KEY`, error);
  }
  throw badInput("the stack has no API service yet; run `menagerie up`, or set MENAGERIE_API_KEY");
}
