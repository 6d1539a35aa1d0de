import { userInfo } from "./addresses.ts";

/**
 * A text for people, such as an installer's output, without the credentials that addresses in it carry: user and password
 * (`git+https://user:TOKEN@…`, `git+https://TOKEN@…`), parameters that are named like a credential, and the secret part of a control server's ping
 * address. Everything else stays, so that an error still says where it comes from.
 */
export function maskedText(text: string): string {
  return text
    .replace(userInfo, "***")
    .replace(/([?&][\w-]*(?:token|key|secret|password|signature|sig|auth)=)[^\s&#'"`]+/gi, "$1***")
    .replace(/(\/v1\/development\/\w+\/ping\/)[0-9a-f]{16,}/gi, "$1***");
}
