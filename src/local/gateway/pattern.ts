import type { StringMatch } from "./virtualService.ts";

/** A pattern that this gateway cannot follow; the message is a sentence about the pattern. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

/**
 * An RE2 pattern (github.com/google/re2/wiki/Syntax), which Istio's `regex` fields hold, as a JavaScript one. Groups named
 * `(?P<name>…)`, `\A`, `\z` and flags at the start are translated; look-around and back-references, which RE2 does
 * not have, are refused as Istio refuses them. `\Q…\E`, `[[:alpha:]]` and Unicode classes are refused too, as not supported here.
 * Matching is JavaScript's, so a pattern may be slow where RE2 is not.
 */
export function compileRegex(pattern: string, options: { wholeValue: boolean; flags?: string }): RegExp {
  const bare = pattern.replace(/\\\\/g, "");
  for (const [sign, what] of [
    [/\(\?<?[=!]/, "look-around"],
    [/\\[1-9]|\\k</, "back-references"],
  ] as const) {
    if (sign.test(bare)) throw new PatternError(`regex "${pattern}" uses ${what}, which RE2 does not have`);
  }
  if (/\\Q|\[\[:|\\[pP]/.test(bare)) {
    throw new PatternError(`regex "${pattern}" uses \\Q, [[:class:]] or \\p, which this gateway does not support`);
  }
  let flags = options.flags ?? "";
  let source = pattern.replace(/^\(\?([ims]+)\)/, (_, leading: string) => {
    flags += leading;
    return "";
  });
  source = source.replace(/\\[\s\S]|\(\?P</g, (token) => {
    if (token === "(?P<") return "(?<";
    if (token === "\\A") return "(?<![\\s\\S])";
    if (token === "\\z") return "(?![\\s\\S])";
    return token;
  });
  try {
    return new RegExp(options.wholeValue ? `^(?:${source})$` : source, [...new Set(flags)].join(""));
  } catch {
    throw new PatternError(`regex "${pattern}" is not valid`);
  }
}

/** RE2's substitution (`\0` to `\9`, `\\`) as the replacement string of JavaScript's `replace`. */
export function compileSubstitution(rewrite: string): string {
  return rewrite.replace(/\$|\\(\d)|\\\\|\\./g, (token, group: string | undefined) => {
    if (token === "$") return "$$";
    if (group !== undefined) return group === "0" ? "$&" : `$${group}`;
    if (token === "\\\\") return "\\";
    throw new PatternError(`rewrite "${rewrite}" has "${token}", where only a group number or a backslash may follow`);
  });
}

export type StringTest = (value: string) => boolean;

/** The test that a StringMatch stands for; undefined for an empty one, which every value passes. */
export function compileStringMatch(match: StringMatch, options: { ignoreCase?: boolean } = {}): StringTest | undefined {
  const ignoreCase = options.ignoreCase ?? false;
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  if (match.exact !== undefined) {
    const exact = fold(match.exact);
    return ignoreCase ? (value) => value.toLowerCase() === exact : (value) => value === exact;
  }
  if (match.prefix !== undefined) {
    const prefix = fold(match.prefix);
    return ignoreCase ? (value) => value.toLowerCase().startsWith(prefix) : (value) => value.startsWith(prefix);
  }
  if (match.regex !== undefined) {
    // Istio takes a lone star for "anything", though it is no regular expression.
    const regex = compileRegex(match.regex === "*" ? ".*" : match.regex, {
      wholeValue: true,
      flags: ignoreCase ? "i" : "",
    });
    return (value) => regex.test(value);
  }
  return undefined;
}
