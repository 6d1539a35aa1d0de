import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { addresses } from "../network/addresses.ts";
import {
  type AddressBook,
  allocatePodAddress,
  emptyAddressBook,
  nodeAddress,
  releaseNodeAddress,
} from "./podAddresses.ts";
import { readJson, writeJson } from "./podRecord.ts";

/** Gives out node and pod addresses, one caller at a time, and remembers on disk before it answers. */
export class AddressAllocator {
  readonly #path: string;
  readonly #taken: Set<string>;
  #book: AddressBook;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, book: AddressBook, taken: Set<string>) {
    this.#path = path;
    this.#book = book;
    this.#taken = taken;
  }

  /** `taken`: addresses of the pods that are on disk. */
  static async open(path: string, taken: Iterable<string>): Promise<AddressAllocator> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return new AddressAllocator(path, (await readJson<AddressBook>(path)) ?? emptyAddressBook, new Set(taken));
  }

  podAddress(): Promise<string> {
    return this.#exclusively(async () => {
      const { address, book } = allocatePodAddress(this.#book, this.#taken);
      await this.#save(book);
      this.#taken.add(address);
      return address;
    });
  }

  releasePodAddress(address: string): void {
    this.#taken.delete(address);
  }

  nodeAddress(name: string): Promise<string> {
    return this.#exclusively(async () => {
      const { address, book } = nodeAddress(this.#book, name, { first: addresses.nodeFirst, last: addresses.nodeLast });
      await this.#save(book);
      return address;
    });
  }

  releaseNode(name: string): Promise<void> {
    return this.#exclusively(() => this.#save(releaseNodeAddress(this.#book, name)));
  }

  async #save(book: AddressBook): Promise<void> {
    if (book === this.#book) return;
    await writeJson(this.#path, book);
    this.#book = book;
  }

  #exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action, action);
    this.#queue = result.catch(() => {});
    return result;
  }
}
