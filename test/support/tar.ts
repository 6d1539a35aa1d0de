/** One entry of an archive, with whatever is wrong with it. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  /** Type flag. @default "0", a file */
  readonly type?: string;
  readonly mode?: number;
  readonly linkName?: string;
  /** Text of the size field. @default the content's */
  readonly size?: string;
}

/** A tar archive (POSIX ustar) of entries as they stand, however hostile; with `end: false` without its end. */
export function tar(entries: readonly TarEntry[], { end = true } = {}): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), ...(end ? [Buffer.alloc(1024)] : [])]);
}

/** A pax header that gives the next entry this path. */
export function paxPath(path: string): TarEntry {
  const record = ` path=${path}\n`;
  let length = Buffer.byteLength(record);
  while (String(length).length + Buffer.byteLength(record) !== length) {
    length = String(length).length + Buffer.byteLength(record);
  }
  return { name: "PaxHeader", type: "x", content: `${length}${record}` };
}

function entryBlocks({ name, content = "", type = "0", mode = 0o644, linkName = "", size }: TarEntry): Buffer[] {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, "utf8");
  header.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  header.write(size ?? `${bytes.length.toString(8).padStart(11, "0")}\0`, 124, 12, "latin1");
  header.write(type, 156);
  header.write(linkName, 157, 100);
  header.write("ustar\u000000", 257, "latin1");
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}
