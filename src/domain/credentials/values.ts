/**
 * How credentials begin and how long they are, as their issuers document them and scanners such as gitleaks and
 * detect-secrets look for them. Each stands alone: no letter or digit before or behind it.
 */
const formats: readonly RegExp[] = [
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/,
  // AWS, and what signs for it.
  alone("(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
  // GitHub, GitLab.
  alone("gh[pousr]_[A-Za-z0-9]{36,}"),
  alone("github_pat_[A-Za-z0-9_]{36,}"),
  alone("gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[A-Za-z0-9_-]{20,}"),
  // Hugging Face and other hosts of models.
  alone("(?:hf_|api_org_)[A-Za-z0-9]{34,}"),
  alone("sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{20,}"),
  alone("sk-[A-Za-z0-9]{32,}"),
  alone("(?:nvapi-|gsk_|r8_|pplx-|tvly-|lsv2_(?:pt|sk)_|xai-|fw_)[A-Za-z0-9_-]{24,}"),
  alone("dapi[0-9a-f]{32}"),
  // Google, Slack, Stripe, SendGrid, DigitalOcean, Grafana, Vault.
  alone("AIza[A-Za-z0-9_-]{35}"),
  alone("ya29\\.[A-Za-z0-9_-]{20,}"),
  alone("xox[abeoprs]-[A-Za-z0-9-]{10,}"),
  alone("(?:sk|rk|whsec)_(?:(?:live|test|prod)_)?[A-Za-z0-9]{24,}"),
  alone("SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{32,}"),
  alone("do[opr]_v1_[0-9a-f]{64}"),
  alone("glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
  alone("hv[sbr]\\.[A-Za-z0-9_-]{20,}"),
  // Package registries.
  alone("npm_[A-Za-z0-9]{36}"),
  alone("pypi-[A-Za-z0-9_-]{50,}"),
  // A JSON web token; a storage account's key; an Authorization header's value.
  alone("eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*"),
  /\b(?:AccountKey|SharedAccessKey|SharedSecret)=[A-Za-z0-9+/]{20,}={0,2}/,
  /\b(?:Bearer|Basic|Token) [A-Za-z0-9+/_.=~-]{16,}/,
  // A password in a url, quotes and spaces in it too; what stands for one is not, nor a port or the colon of a sentence.
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*:(?!\$[{(]|<|%s|\*+@|\[secret\]|\s|\d{1,5}(?:[\s:,;'"`)\]}]|$))[^/?#@\r\n]+@/i,
];
/** The user of a url, where it has no password. */
const userAlone = /:\/\/([^\s/?#:@'"`]+)@/g;

function alone(pattern: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])${pattern}(?![A-Za-z0-9])`);
}

/** Whether a text holds what only credentials look like, under whatever name. */
export function holdsCredential(value: string): boolean {
  return (
    formats.some((format) => format.test(value)) || [...value.matchAll(userAlone)].some(([, user]) => isToken(user))
  );
}

/** A token in the place of a user (`git+https://TOKEN@host`): letters and digits without order. Names of users have words. */
function isToken(user = ""): boolean {
  return [...user.matchAll(/[A-Za-z0-9]{20,}/g)].some(([run]) => looksRandom(run));
}

/** A text that stands for a value, or says that there is none. */
const placeholder =
  /^(?:|true|false|yes|no|on|off|null|none|nil|undefined|changeme|todo|\[secret\]|\*+|x{3,}|\.{3}|…|<[^<>]*>|\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_]\w*|\{\{[^{}]*\}\}|%[A-Z_]+%)$/i;
const number = /^[+-]?\d[\d_]*(?:\.\d+)?(?:[a-z]{1,3}|%)?$/i;
const path = /^(?:\.{0,2}|~|[a-z]:)?\/(?:[\w.@+-]+\/)*[\w.@+-]*$|^(?:[\w.@-]+\/)+[\w.@-]+\.[a-z]{1,5}$/i;
const url = /^[a-z][a-z0-9+.-]*:\/\//i;

export function isPlaceholder(value: string): boolean {
  return placeholder.test(value.trim());
}

/** A number, a path or an address: what a setting is, and a credential hardly ever. */
export function isSetting(value: string): boolean {
  const text = value.trim();
  return number.test(text) || url.test(text) || (path.test(text) && bitsPerCharacter(text) < randomPath);
}

/** Shannon's entropy of a text's characters, in bits. */
export function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Base64 may begin with a slash; paths of words stay below this. */
const randomPath = 4.6;
/** Of gitleaks' rule for names that may be a credential's, and of detect-secrets' for base64 under any name. */
const [suspiciousBits, randomBits] = [3.5, 4.5];

/** Letters and digits without order, in a value long enough to tell. */
export function looksRandom(value: string): boolean {
  return (
    /^[A-Za-z0-9+/_.=~-]{16,}$/.test(value) &&
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    bitsPerCharacter(value) >= suspiciousBits
  );
}

/** The same without any help of the name: base64 of at least 30 characters. Digests and ids, which are hexadecimal, stay below. */
export function looksRandomAlone(value: string): boolean {
  return (
    /^[A-Za-z0-9+/_-]{30,}={0,2}$/.test(value) &&
    /\d/.test(value) &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value) &&
    !path.test(value) &&
    bitsPerCharacter(value) >= randomBits
  );
}
