/** Addresses given out by an environment, as kept on disk. Offsets count from the pod network's first address. */
export interface AddressBook {
  /** Offset to try next: a freed address is not given again until the range has been gone through. */
  readonly next: number;
  /** Last octet by node name. */
  readonly nodes: Readonly<Record<string, number>>;
}

/** Range of offsets inside 10.88.0.0/16 that pods take: 10.88.1.0 to 10.88.255.254. */
export const podOffsets = { first: 256, last: 65_534 } as const;

export const emptyAddressBook: AddressBook = { next: podOffsets.first, nodes: {} };

/** Dotted address at `offset` inside 10.88.0.0/16. */
export function addressAt(offset: number): string {
  return `10.88.${offset >> 8}.${offset & 255}`;
}

/**
 * The next free pod address and the book after it. `taken` holds the addresses that pods still have. Throws when
 * the range is exhausted.
 */
export function allocatePodAddress(
  book: AddressBook,
  taken: ReadonlySet<string>,
): { readonly address: string; readonly book: AddressBook } {
  const size = podOffsets.last - podOffsets.first + 1;
  const start = book.next >= podOffsets.first && book.next <= podOffsets.last ? book.next : podOffsets.first;
  for (let step = 0; step < size; step += 1) {
    const offset = podOffsets.first + ((start - podOffsets.first + step) % size);
    const address = addressAt(offset);
    if (taken.has(address)) continue;
    return { address, book: { ...book, next: offset === podOffsets.last ? podOffsets.first : offset + 1 } };
  }
  throw new Error("no pod address left in 10.88.1.0 to 10.88.255.254");
}

/** The address of node `name`, the same one every time; 10.88.0.2 to 10.88.0.254. Throws when 253 names are in use. */
export function nodeAddress(
  book: AddressBook,
  name: string,
  range: { readonly first: number; readonly last: number },
): { readonly address: string; readonly book: AddressBook } {
  const known = book.nodes[name];
  if (known !== undefined) return { address: addressAt(known), book };
  const used = new Set(Object.values(book.nodes));
  for (let octet = range.first; octet <= range.last; octet += 1) {
    if (used.has(octet)) continue;
    return { address: addressAt(octet), book: { ...book, nodes: { ...book.nodes, [name]: octet } } };
  }
  throw new Error(`no node address left for node "${name}": ${used.size} are in use`);
}

/** The book without node `name`. */
export function releaseNodeAddress(book: AddressBook, name: string): AddressBook {
  const { [name]: _released, ...nodes } = book.nodes;
  return { ...book, nodes };
}
