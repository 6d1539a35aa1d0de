/**
 * Numbers of an embedding that was asked for with `encoding_format: base64`: 32-bit floats, little-endian. Undefined for text that is not that.
 *
 * @param text - such as `AACAPwAAAEA=`, which is 1 and 2
 */
export function floatsOf(text: string): number[] | undefined {
  let bytes: string;
  try {
    bytes = atob(text);
  } catch {
    return undefined;
  }
  if (bytes.length % 4 !== 0) return undefined;
  const view = new DataView(new ArrayBuffer(bytes.length));
  for (let at = 0; at < bytes.length; at += 1) view.setUint8(at, bytes.charCodeAt(at));
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
}
