import { Header, Pax } from "tar";
import { sizeOf } from "../../domain/truss/content.ts";
import type { Tree } from "../../domain/truss/tree.ts";

/** Size of a tar archive's blocks, in bytes. */
const block = 512;

/**
 * A tar archive (ustar, with pax headers for names that it has no room for) of a tree, in pieces. Equal trees give equal bytes on
 * every machine: entries are in code-unit order, without times and owners. A file has less than 8 GiB.
 */
export async function* archiveOf(tree: Tree): AsyncGenerator<Uint8Array> {
  for (const path of [...tree.keys()].sort()) {
    const file = tree.get(path);
    const size = file ? sizeOf(file.content) : 0;
    const name = file ? path : `${path}/`;
    const header = new Header({
      path: name,
      type: file ? "File" : "Directory",
      mode: file && !file.executable ? 0o644 : 0o755,
      size,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
    });
    const bytes = Buffer.alloc(block);
    const needsPax = header.encode(bytes);
    if (needsPax) yield new Pax({ path: name }).encode();
    yield bytes;
    if (file?.content instanceof Uint8Array) yield file.content;
    else if (file) yield* file.content.pieces();
    yield new Uint8Array((block - (size % block)) % block);
  }
  yield new Uint8Array(2 * block);
}
