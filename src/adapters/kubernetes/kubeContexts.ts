import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { loadAll } from "js-yaml";
import { messageOf } from "../../domain/errors.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { refusal, refuse } from "./refusals.ts";

/**
 * Refuses a context that the kubeconfig does not have: the provider would take the cluster for one that cannot be reached,
 * and preview everything as new. Reads the files that kubectl would (`KUBECONFIG`, else `~/.kube/config`) without the
 * Kubernetes client, which takes a second to load.
 *
 * @param key - where the context was given, for the sentence.
 */
export function requireKubeContext(context: string, key: string, env: NodeJS.ProcessEnv = process.env): void {
  const files = env.KUBECONFIG ? env.KUBECONFIG.split(delimiter).filter(Boolean) : [join(homedir(), ".kube", "config")];
  const known = files.flatMap(contextsOf);
  if (known.includes(context)) return;
  const has = known.length > 0 ? `it has ${known.join(", ")}` : `${files.join(delimiter)} names none`;
  throw refused(refusal("kubeconfig.no-context", key, { context, has }));
}

function contextsOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // As kubectl does: files that are not there hold nothing.
    return [];
  }
  try {
    const { contexts } = (loadAll(text)[0] ?? {}) as { contexts?: readonly { readonly name?: unknown }[] };
    return (contexts ?? []).map(({ name }) => String(name));
  } catch (error) {
    throw refuse("kubeconfig.file-unreadable", { file, reason: messageOf(error) }, error);
  }
}
