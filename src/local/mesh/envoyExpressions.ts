/** A condition that an object has to meet, in CEL, and what is said where it does not. */
export interface EnvoyLimit {
  readonly expression: string;
  readonly message: string;
}

/** Envoy's command operators (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators). */
const withoutParameters = [
  ...["ACCESS_LOG_TYPE", "BYTES_RECEIVED", "BYTES_RETRANSMITTED", "BYTES_SENT", "CONNECTION_ID"],
  ...["CONNECTION_TERMINATION_DETAILS", "DOWNSTREAM_[A-Z0-9_]+", "DURATION", "FILTER_CHAIN_NAME", "GRPC_STATUS"],
  ...["GRPC_STATUS_NUMBER", "HOSTNAME", "PATH", "PROTOCOL", "REQUESTED_SERVER_NAME", "REQUEST_DURATION"],
  ...["REQUEST_HEADERS_BYTES", "REQUEST_TX_DURATION", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_DURATION"],
  ...["RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES"],
  ...["RESPONSE_TX_DURATION", "ROUNDTRIP_DURATION", "ROUTE_NAME", "STREAM_ID", "TRACE_ID", "UNIQUE_ID"],
  ...["UPSTREAM_[A-Z0-9_]+", "VIRTUAL_CLUSTER_NAME"],
];
/** What is in the parentheses of these is not checked here. */
const withParameters = [
  ...["CLUSTER_METADATA", "COMMON_DURATION", "DYNAMIC_METADATA", "ENVIRONMENT", "FILTER_STATE", "METADATA"],
  ...["QUERY_PARAM", "REQ", "REQ_WITHOUT_QUERY", "RESP", "TRAILER", "UPSTREAM_METADATA", "PATH", "GRPC_STATUS"],
  ...["DOWNSTREAM_PEER_CERT_V_(START|END)", "DOWNSTREAM_LOCAL_DNS_SAN", "DOWNSTREAM_PEER_DNS_SAN"],
];
/** Times have a format, or none. */
const withFormat = ["EMIT_TIME", "EMIT_TIME_LOCAL", "START_TIME", "START_TIME_LOCAL", "QUERY_PARAMS"];
const parameters = "\\\\([^)]+\\\\)";
const operator = [
  withoutParameters.join("|"),
  `(${withParameters.join("|")})${parameters}(:[0-9]{1,9})?`,
  `(${withFormat.join("|")})(${parameters})?`,
].join("|");
export const knownOperators = `^([^%]|%(${operator})%)*$`;
export const controlCharacters = "[\\\\x00\\\\n\\\\r]";

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
export function small(regex: string): string {
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
