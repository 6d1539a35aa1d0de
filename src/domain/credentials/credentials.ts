import { nameSays } from "./names.ts";
import { holdsCredential, isPlaceholder, isSetting, looksRandom, looksRandomAlone } from "./values.ts";

/**
 * Whether a value is a credential, by its name and by itself. Names say it (`hfToken`, `AWS_SECRET_ACCESS_KEY`) unless the
 * value is a placeholder, a number, a path or an address; known formats (`ghp_…`, a url with a password) say it under any
 * name; a name that only hints (`AUTH`, `key`) needs a random value.
 */
export function isCredential(name: string, value: string): boolean {
  if (isPlaceholder(value)) return false;
  if (holdsCredential(value)) return true;
  switch (nameSays(name)) {
    case "password":
      return true;
    case "credential":
      return !isSetting(value);
    case "maybe":
      return !isSetting(value) && looksRandom(value.trim());
    default:
      return looksRandomAlone(value.trim());
  }
}

/** `NAME=value`, `name: value`, `"name": "value"`, `--name=value`, also behind `export` or a list's dash. */
const assignment =
  /^\s*(?:export\s+|-\s+)?["']?(?:--?)?([A-Za-z_][\w.-]*)["']?\s*(?:[:=]|=>)\s*(?:"([^"]*)"|'([^']*)'|([^\s,;#]*))/;

/** Names of credentials that a text assigns, such as an `.env`, YAML or properties file; of others what they look like. */
export function credentialsInText(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, name, ...values] = assignment.exec(line) ?? [];
    const value = values.find((each) => each !== undefined) ?? "";
    if (name !== undefined && isCredential(name, value)) return [name];
    return holdsCredential(line) ? [name ?? "a line"] : [];
  });
}

const masked = "…";

/** A request's path and query without the values of parameters that are credentials, for what is written down. */
export function withoutCredentials(pathAndQuery: string): string {
  const at = pathAndQuery.indexOf("?");
  if (at < 0) return pathAndQuery;
  const query = pathAndQuery.slice(at + 1).split("&");
  const kept = query.map((part) => {
    const [name = "", ...rest] = part.split("=");
    const value = decoded(rest.join("="));
    if (rest.length === 0) return isCredential("", decoded(part)) ? masked : part;
    return isParameterCredential(decoded(name), value) ? `${name}=${masked}` : part;
  });
  return `${pathAndQuery.slice(0, at)}?${kept.join("&")}`;
}

/** Query parameters are short: `key`, `sig` and `code` alone are a credential's names there. */
function isParameterCredential(name: string, value: string): boolean {
  if (/^(?:x-amz-|x-goog-)?(?:key|sig|signature|auth|code|pass)$/i.test(name)) return value !== "";
  return isCredential(name, value) || (nameSays(name) === "credential" && value !== "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
