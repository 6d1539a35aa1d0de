import type { AuthenticationV1TokenRequest, KubeConfig, V1Pod } from "@kubernetes/client-node";
import { requestJson } from "../../adapters/kubernetes/request.ts";

interface KeptToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly refreshAt: number;
}

/** Bound service-account tokens of one pod, renewed at 80 % of their life as kubelet does. */
export class ServiceAccountTokens {
  readonly #config: KubeConfig;
  readonly #kept = new Map<string, KeptToken>();

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** A token for `pod`. `audience` default: the API server's own; `expirationSeconds` default 3600. */
  async token(pod: V1Pod, audience: string | undefined, expirationSeconds: number | undefined): Promise<string> {
    const seconds = expirationSeconds ?? 3600;
    const key = `${audience ?? ""} ${seconds}`;
    const kept = this.#kept.get(key);
    if (kept && Date.now() < kept.refreshAt) return kept.token;
    const { namespace, name, uid } = pod.metadata ?? {};
    const account = pod.spec?.serviceAccountName || "default";
    const answer = await requestJson<AuthenticationV1TokenRequest>(
      this.#config,
      "POST",
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        body: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec: {
            audiences: audience ? [audience] : [],
            expirationSeconds: seconds,
            boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
          },
        },
      },
    );
    const token = answer.status?.token;
    if (!token) throw new Error(`no token for service account ${namespace}/${account}`);
    const life = new Date(answer.status?.expirationTimestamp ?? 0).getTime() - Date.now();
    this.#kept.set(key, { token, refreshAt: Date.now() + 0.8 * life });
    return token;
  }
}
