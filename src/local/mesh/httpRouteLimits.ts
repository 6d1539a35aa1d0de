import { controlCharacters, type EnvoyLimit, knownOperators, small } from "./envoyExpressions.ts";

/** An expression that holds for each filter `f` of an HTTPRoute: of its rules, and of their backends. */
function everyFilter(expression: string): string {
  const of = (owner: string) => `(!has(${owner}.filters) || ${owner}.filters.all(f, ${expression}))`;
  return `variables.rules.all(r, ${of("r")} && (!has(r.backendRefs) || r.backendRefs.all(b, ${of("b")})))`;
}

/** One that holds for each header `h` that a filter sets or adds. */
function everyHeader(expression: string): string {
  const lists = ["requestHeaderModifier", "responseHeaderModifier"].flatMap((modifier) =>
    ["set", "add"].map((list) => [modifier, list] as const),
  );
  return everyFilter(
    lists
      .map(([modifier, list]) => {
        const field = `f.${modifier}.${list}`;
        return `(!has(f.${modifier}) || !has(${field}) || ${field}.all(h, ${expression}))`;
      })
      .join(" && "),
  );
}

/** One that holds for each name `n` of a header that a filter removes. */
function everyRemoved(expression: string): string {
  return everyFilter(
    ["f.requestHeaderModifier", "f.responseHeaderModifier"]
      .map((modifier) => `(!has(${modifier}) || !has(${modifier}.remove) || ${modifier}.remove.all(n, ${expression}))`)
      .join(" && "),
  );
}

/** One that holds for each path of a rewrite or redirect. */
function everyNewPath(expression: (path: string) => string): string {
  const paths = ["urlRewrite", "requestRedirect"].flatMap((filter) =>
    ["replaceFullPath", "replacePrefixMatch"].map((replacement) => [filter, replacement] as const),
  );
  return everyFilter(
    paths
      .map(([filter, replacement]) => {
        const path = `f.${filter}.path`;
        const guards = `!has(f.${filter}) || !has(${path}) || !has(${path}.${replacement})`;
        return `(${guards} || ${expression(`${path}.${replacement}`)})`;
      })
      .join(" && "),
  );
}

/** One that holds for each regular expression of a match. */
function everyRegex(expression: (regex: string) => string): string {
  const of = (match: string) =>
    `(!has(${match}.type) || ${match}.type != 'RegularExpression' || ${expression(`${match}.value`)})`;
  const lists = ["headers", "queryParams"].map((list) => `(!has(m.${list}) || m.${list}.all(p, ${of("p")}))`);
  const match = [`(!has(m.path) || ${of("m.path")})`, ...lists].join(" && ");
  return `variables.rules.all(r, !has(r.matches) || r.matches.all(m, ${match}))`;
}

/** What Gateway API's schema takes of an HTTPRoute and Envoy does not. */
export const httpRouteLimits: readonly EnvoyLimit[] = [
  {
    expression: everyHeader(`h.value.replace('%%', '').matches('${knownOperators}')`),
    message: "headers: a value has an operator between % that Envoy does not know; write a percent sign as %%",
  },
  {
    expression: everyHeader(`!h.value.matches('${controlCharacters}')`),
    message: "headers: a value has a line break; remove it",
  },
  {
    expression: everyRemoved(`!n.matches('${controlCharacters}')`),
    message: "headers: a name has a line break; remove it",
  },
  {
    expression: everyNewPath((path) => `!${path}.matches('${controlCharacters}')`),
    message: "urlRewrite and requestRedirect: a path has a line break; remove it",
  },
  {
    expression: everyRegex(small),
    message:
      "a regular expression is larger than Envoy takes, or has an escape above \\xFF; repeat less, or split it into several matches",
  },
  {
    // CEL's expressions are RE2's too: one that does not compile ends the evaluation, and its message says why.
    expression: everyRegex((regex) => `(''.matches(${regex}) || !''.matches(${regex}))`),
    message: "a regular expression is not RE2's",
  },
];
