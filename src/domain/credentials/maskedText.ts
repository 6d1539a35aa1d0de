/**
 * A text for people, such as an installer's output, without what addresses in it carry: user and password (`git+https://user:TOKEN@…`),
 * and parameters that are named like a credential. Everything else stays, so that an error still says where it comes from.
 */
export function maskedText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@'"`]+@/gi, "$1***@")
    .replace(/([?&][\w-]*(?:token|key|secret|password|signature|sig|auth)=)[^\s&#'"`]+/gi, "$1***");
}
