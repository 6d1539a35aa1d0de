/** Bytes that are written one after the other into memory that grows, big-endian as both of its formats want them. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param capacity - bytes to begin with */
  constructor(capacity = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; valid until the next write. */
  bytes(from = 0): Buffer {
    return this.#buffer.subarray(from, this.#length);
  }

  /** Forgets everything after `length`. */
  truncate(length = 0): void {
    this.#length = length;
  }

  /** Reserves `count` bytes, to be written with `setInt32`. */
  skip(count: number): number {
    this.#reserve(count);
    this.#length += count;
    return this.#length - count;
  }

  setUint32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(value, this.#length);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  /** A whole number that a `number` holds exactly, as 64 bits. */
  int64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeInt32BE(Math.floor(value / 2 ** 32), this.#length);
    this.#length = this.#buffer.writeUInt32BE(value >>> 0, this.#length);
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatBE(value, this.#length);
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 after its length in 32 bits. */
  text(value: string): void {
    // Three bytes for a UTF-16 unit is the most.
    this.#reserve(4 + value.length * 3);
    const written = this.#buffer.write(value, this.#length + 4);
    this.#buffer.writeInt32BE(written, this.#length);
    this.#length += 4 + written;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
