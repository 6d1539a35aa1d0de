/** One key of etcd with its value, both as base64: what the API server stores is copied, never read. */
export interface StoredKey {
  readonly key: string;
  readonly value: string;
}

/** Keys of an etcd by its JSON gateway (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/). */
export class EtcdKeys {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async count(prefix: string): Promise<number> {
    const { count = "0" } = await this.#ask<{ count?: string }>("range", { ...below(prefix), count_only: true });
    return Number(count);
  }

  async read(prefix: string): Promise<readonly StoredKey[]> {
    const { kvs = [] } = await this.#ask<{ kvs?: StoredKey[] }>("range", below(prefix));
    return kvs.map(({ key, value }) => ({ key, value }));
  }

  async write({ key, value }: StoredKey): Promise<void> {
    await this.#ask("put", { key, value });
  }

  async #ask<T>(what: "range" | "put", body: object): Promise<T> {
    const response = await fetch(`${this.#url}/v3/kv/${what}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`etcd answers ${response.status} to ${what}`);
    return (await response.json()) as T;
  }
}

/** All keys that begin with `prefix`, which ends with a slash: up to the character after it. */
function below(prefix: string): { key: string; range_end: string } {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) };
}
