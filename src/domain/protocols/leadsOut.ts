/**
 * Whether a path, in any spelling that a server may understand, leads out of the folder that it begins with: where control servers are on
 * a model's port, one that does is not passed on.
 */
export function leadsOut(path: string): boolean {
  try {
    const plain = decodeURIComponent(path);
    return /(^|[/\\])\.\.?([/\\]|$)|\\|\/\/|%/.test(plain) || plain.includes("\0");
  } catch {
    return true;
  }
}
