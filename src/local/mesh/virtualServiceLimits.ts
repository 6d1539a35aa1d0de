import { controlCharacters, type EnvoyLimit, knownOperators, small } from "./envoyExpressions.ts";

/** An expression that holds for each rule `r` of the object. */
const everyRule = (expression: string): string => `variables.http.all(r, ${expression})`;
/** An expression of a field that holds where the field is there. `field` is a path such as `r.match`. */
const where = (field: string, expression: string): string => {
  const steps = field.split(".").slice(1);
  const guards = steps.map((_, index) => `has(r.${steps.slice(0, index + 1).join(".")})`);
  return `(!(${guards.join(" && ")}) || ${expression})`;
};

const headerMaps = ["request.set", "request.add", "response.set", "response.add"];
const everyHeader = (expression: string): string =>
  everyRule(
    [
      ...headerMaps.map((path) => {
        const field = `r.headers.${path}`;
        return where(field, `${field}.all(k, ${expression.replaceAll("VALUES", field)})`);
      }),
      ...headerMaps.map((path) => {
        const [side, kind] = path.split(".");
        const guard = `has(d.headers) && has(d.headers.${side}) && has(d.headers.${side}.${kind})`;
        const own = `d.headers.${path}.all(k, ${expression.replaceAll("VALUES", `d.headers.${path}`)})`;
        return where("r.route", `r.route.all(d, !(${guard}) || ${own})`);
      }),
    ].join(" && "),
  );

/** An expression of each name `n` of a header that is removed. */
const everyRemoved = (expression: string): string =>
  everyRule(
    ["request", "response"]
      .flatMap((side) => {
        const own = `d.headers.${side}.remove`;
        const guard = `has(d.headers) && has(d.headers.${side}) && has(${own})`;
        return [
          where(`r.headers.${side}.remove`, `r.headers.${side}.remove.all(n, ${expression})`),
          where("r.route", `r.route.all(d, !(${guard}) || ${own}.all(n, ${expression}))`),
        ];
      })
      .join(" && "),
  );

const everyRegex = everyRule(
  [
    where(
      "r.match",
      `r.match.all(m, ${[
        ...["uri", "authority", "method", "scheme"].map(
          (field) => `(!has(m.${field}) || !has(m.${field}.regex) || ${small(`m.${field}.regex`)})`,
        ),
        ...["headers", "withoutHeaders", "queryParams"].map(
          (field) =>
            `(!has(m.${field}) || m.${field}.all(k, !has(m.${field}[k].regex) || ${small(`m.${field}[k].regex`)}))`,
        ),
      ].join(" && ")})`,
    ),
    where("r.rewrite.uriRegexRewrite.match", small("r.rewrite.uriRegexRewrite.match")),
    where("r.corsPolicy.allowOrigins", `r.corsPolicy.allowOrigins.all(o, !has(o.regex) || ${small("o.regex")})`),
  ].join(" && "),
);

/** HeaderValue.value of Envoy's API. */
const longestHeader = 16_384;

/** What Istio's webhook takes of a VirtualService and Envoy does not. */
export const virtualServiceLimits: readonly EnvoyLimit[] = [
  {
    expression: everyHeader(`VALUES[k].replace('%%', '').matches('${knownOperators}')`),
    message: "headers: a value has an operator between % that Envoy does not know; write a percent sign as %%",
  },
  {
    expression: `${everyHeader(`!k.matches('${controlCharacters}')`)} && ${everyRemoved(`!n.matches('${controlCharacters}')`)}`,
    message: "headers: a name has a line break; remove it",
  },
  {
    expression: everyHeader(`VALUES[k].size() <= ${longestHeader}`),
    message: `headers: a value is longer than ${longestHeader} characters; shorten it`,
  },
  {
    expression: everyRule(
      ["r.rewrite.uri", "r.rewrite.authority", "r.redirect.uri", "r.redirect.authority"]
        .map((field) => where(field, `!${field}.matches('${controlCharacters}')`))
        .join(" && "),
    ),
    message: "rewrite and redirect: a value has a line break; remove it",
  },
  {
    expression: everyRule(
      [
        where("r.directResponse.status", "r.directResponse.status < 600"),
        where("r.fault.abort.httpStatus", "r.fault.abort.httpStatus < 600"),
      ].join(" && "),
    ),
    message: "directResponse.status and fault.abort.httpStatus: must be below 600",
  },
  {
    expression: everyRule(where("r.redirect.redirectCode", "r.redirect.redirectCode in [0, 301, 302, 303, 307, 308]")),
    message: "redirect.redirectCode: Envoy knows 301, 302, 303, 307 and 308",
  },
  {
    expression: everyRule(where("r.match", "r.match.all(m, !has(m.queryParams) || !('' in m.queryParams))")),
    message: "match.queryParams: a name is empty; name the parameter",
  },
  {
    expression: everyRegex,
    message:
      "a regular expression is larger than Envoy takes, or has an escape above \\xFF; repeat less, or split it into several matches",
  },
];
