import type { KubernetesObject } from "@kubernetes/client-node";

type PolicyObject = KubernetesObject & Readonly<Record<string, unknown>>;

const name = "menagerie-envoy-limits";

/**
 * What Istio's webhook takes of a VirtualService and Envoy does not. Envoy refuses a route table as a whole, so one such object would hold back
 * everybody's changes; the API server refuses it when it is written instead. Each was found by trying (test/soak/gateway/faults.test.ts).
 */
export function envoyLimits(): readonly PolicyObject[] {
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ["networking.istio.io"],
              apiVersions: ["*"],
              operations: ["CREATE", "UPDATE"],
              resources: ["virtualservices"],
            },
          ],
        },
        variables: [{ name: "http", expression: "has(object.spec.http) ? object.spec.http : []" }],
        validations: limits.map(({ expression, message }) => ({ expression, message, reason: "Invalid" })),
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
}

/** An expression that holds for each rule `r` of the object. */
const everyRule = (expression: string): string => `variables.http.all(r, ${expression})`;
/** An expression of a field that holds where the field is there. `field` is a path such as `r.match`. */
const where = (field: string, expression: string): string => {
  const steps = field.split(".").slice(1);
  const guards = steps.map((_, index) => `has(r.${steps.slice(0, index + 1).join(".")})`);
  return `(!(${guards.join(" && ")}) || ${expression})`;
};

/** Envoy's command operators (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators). */
const operators = [
  ...["ACCESS_LOG_TYPE", "BYTES_RECEIVED", "BYTES_RETRANSMITTED", "BYTES_SENT", "CLUSTER_METADATA", "COMMON_DURATION"],
  ...["CONNECTION_ID", "CONNECTION_TERMINATION_DETAILS", "DOWNSTREAM_[A-Z0-9_]+", "DURATION", "DYNAMIC_METADATA"],
  ...["EMIT_TIME", "EMIT_TIME_LOCAL", "ENVIRONMENT", "FILTER_CHAIN_NAME", "FILTER_STATE", "GRPC_STATUS"],
  ...["GRPC_STATUS_NUMBER", "HOSTNAME", "METADATA", "PATH", "PROTOCOL", "QUERY_PARAM", "QUERY_PARAMS", "REQ"],
  ...["REQ_WITHOUT_QUERY", "REQUESTED_SERVER_NAME", "REQUEST_DURATION", "REQUEST_HEADERS_BYTES"],
  ...["REQUEST_TX_DURATION", "RESP", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_DURATION", "RESPONSE_FLAGS"],
  ...["RESPONSE_FLAGS_LONG", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES", "RESPONSE_TX_DURATION"],
  ...["ROUNDTRIP_DURATION", "ROUTE_NAME", "START_TIME", "START_TIME_LOCAL", "STREAM_ID", "TRACE_ID", "TRAILER"],
  ...["UNIQUE_ID", "UPSTREAM_[A-Z0-9_]+", "VIRTUAL_CLUSTER_NAME"],
];
const knownOperators = `^([^%]|%(${operators.join("|")})(\\\\([^)]*\\\\))?(:[0-9]+)?%)*$`;
const controlCharacters = "[\\\\x00\\\\n\\\\r]";

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

/** The numbers of repetition after each `opening` in a regular expression: of `{2,5}` the 5. */
function counts(regex: string, opening: string): string {
  const bodies = `('x' + ${regex}).split('${opening}').map(s, s.split('}')[0])`;
  const last = "int(s.endsWith(',') ? s.substring(0, s.size() - 1) : s.substring(s.lastIndexOf(',') + 1))";
  return `${bodies}.filter(s, s.matches('^[0-9]{1,4}(,[0-9]{0,4})?$')).map(s, ${last})`;
}

/**
 * That a regular expression is not larger than Envoy takes. RE2's program cannot be counted here, so it is reckoned from above: the length and all
 * numbers of repetition, times what repeated groups, three deep at most, can multiply them by. Envoy reads bytes, so \xFF is the last escape.
 */
function small(regex: string): string {
  const groups = counts(regex, "){");
  const most = `[1, ${groups}.max()].max()`;
  const factor = `(${groups}.size() == 0 ? 1 : ${groups}.size() == 1 ? ${most} : ${groups}.size() == 2 ? ${most} * ${most} : ${most} * ${most} * ${most})`;
  const size = `(${regex}.size() + ([0] + ${counts(regex, "{")}).sum()) * ${instructionsOfOne}`;
  return `(!${regex}.matches('\\\\\\\\x[{][0-9A-Fa-f]{3,}') && ${size} * ${factor} <= ${largestProgram})`;
}
/** What a character or a class compiles to, at most. */
const instructionsOfOne = 6;
/** `re2.max_program_size.error_level` of {@link envoyBootstrap}. */
const largestProgram = 32_768;
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

const limits: readonly { readonly expression: string; readonly message: string }[] = [
  {
    expression: everyHeader(`VALUES[k].replace('%%', '').matches('${knownOperators}')`),
    message: "headers: a value has an operator between % that Envoy does not know; write a percent sign as %%",
  },
  {
    expression: everyHeader(`!k.matches('${controlCharacters}')`),
    message: "headers: a name has a line break; remove it",
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
