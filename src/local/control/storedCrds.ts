import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { EtcdKeys } from "./etcdKeys.ts";

const prefix = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
const stored = z.array(z.strictObject({ key: z.string(), value: z.string() }));

/**
 * CRDs as an API server has stored them once they were established, kept as a file of the cache. Making forty large ones costs an API
 * server a dozen processor seconds, nearly all of the wait for a new environment; an etcd that has them from the start spares that.
 */
export class StoredCrds {
  readonly #etcd: EtcdKeys;
  readonly #file: string;
  readonly #names: ReadonlySet<string>;

  /**
   * @param file whose name tells these CRDs and this API server from others
   * @param names what belongs in it, whatever else there is
   */
  constructor(etcd: EtcdKeys, file: string, names: readonly string[]) {
    this.#etcd = etcd;
    this.#file = file;
    this.#names = new Set(names);
  }

  /** Puts them into an etcd that has none, before its API server starts. Answers whether all of them are there now. */
  async restore(): Promise<boolean> {
    if ((await this.#etcd.count(prefix)) > 0) return false;
    const kept = await this.#kept();
    if (!kept) return false;
    for (const each of kept) await this.#etcd.write(each);
    return true;
  }

  /** Keeps what the etcd has of them, where that is all of them and nothing is kept yet. */
  async keep(): Promise<void> {
    if (await this.#kept()) return;
    const found = (await this.#etcd.read(prefix)).filter(({ key }) => this.#names.has(nameOf(key)));
    if (found.length !== this.#names.size) return;
    const draft = `${this.#file}.${process.pid}`;
    await writeFile(draft, JSON.stringify(found), { mode: 0o600 });
    await rename(draft, this.#file);
  }

  /** What the file has, if that is all of them and nothing else. */
  async #kept() {
    const text = await readFile(this.#file, "utf8").catch(() => "null");
    try {
      const { data } = stored.safeParse(JSON.parse(text));
      const names = new Set(data?.map(({ key }) => nameOf(key)));
      return data?.length === this.#names.size && names.isSubsetOf(this.#names) ? data : undefined;
    } catch {
      return undefined;
    }
  }
}

function nameOf(key: string): string {
  return Buffer.from(key, "base64").toString().slice(prefix.length);
}
