import { PyFloat, PyMapping, type PyValue } from "../pyValue.ts";
import { type FieldType, flag, float, listOf, model, oneOf, orNull, textWhere, whole } from "./fieldTypes.ts";

const nullAtFirst = (type: FieldType) => ({ type: orNull(type), initial: () => null });

const healthChecks = model(
  {
    restart_check_delay_seconds: nullAtFirst(whole),
    restart_threshold_seconds: nullAtFirst(whole),
    stop_traffic_threshold_seconds: nullAtFirst(whole),
    startup_threshold_seconds: nullAtFirst(whole),
  },
  { name: "HealthChecks" },
);

const kinds: Readonly<Record<string, FieldType>> = {
  http: model({ kind: { type: oneOf("http") } }, { name: "HTTPOptions", keepsUnknown: false }),
  websocket: model(
    {
      kind: { type: oneOf("websocket") },
      ping_interval_seconds: nullAtFirst(float),
      ping_timeout_seconds: nullAtFirst(float),
    },
    { name: "WebsocketOptions", keepsUnknown: false },
  ),
  grpc: model({ kind: { type: oneOf("grpc") } }, { name: "GRPCOptions", keepsUnknown: false }),
};

const http = (): PyMapping => new PyMapping().set("kind", "http");

const transport: FieldType = (value, path, issues) => {
  if (!(value instanceof PyMapping)) {
    issues.push({ path, value, message: "Input should be a valid dictionary or object to extract fields from" });
    return value;
  }
  if (value.entries.length === 0) return http();
  const kind = value.get("kind");
  if (kind === undefined) {
    issues.push({ path, value, message: "Unable to extract tag using discriminator 'kind'" });
    return value;
  }
  const type = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (type) return type(value, path, issues);
  const message = `Input tag found using 'kind' does not match any of the expected tags: 'http', 'websocket', 'grpc'`;
  issues.push({ path, value: kind, message });
  return value;
};

const address = textWhere((entry) => {
  const [, host = "", prefix] = /^([0-9.]+)(?:\/([0-9]+|[0-9.]+))?$/.exec(entry) ?? [];
  const isAddress = (one: string): boolean =>
    /^\d{1,3}(\.\d{1,3}){3}$/.test(one) &&
    one.split(".").every((part) => Number(part) < 256 && String(Number(part)) === part);
  if (isAddress(host) && (prefix === undefined || (/^\d+$/.test(prefix) ? Number(prefix) <= 32 : isAddress(prefix)))) {
    return undefined;
  }
  return `Invalid IP or CIDR '${entry}'${entry.includes(":") ? ": IPv6 is not supported." : ""}`;
});

const domainName = textWhere((entry) => {
  if (entry === "") return "FQDN entries cannot be empty.";
  const label = "[a-zA-Z0-9*](?:[a-zA-Z0-9*-]{0,61}[a-zA-Z0-9*])?";
  return new RegExp(`^${label}(?:\\.${label})*$`).test(entry) ? undefined : `Invalid FQDN '${entry}'.`;
});

const egressRestrictions = model(
  { ip_allow_list: nullAtFirst(listOf(address)), fqdn_allow_list: nullAtFirst(listOf(domainName)) },
  { name: "EgressRestrictions" },
);

/** Versions in the sense of PEP 440. */
const version = textWhere((value) =>
  /^\s*v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*$/i.test(
    value,
  )
    ? undefined
    : `Invalid version string: \`${value}\` - must be parsable as semver, e.g. '0.9.0'.`,
);

const isTrue = (value: PyValue | undefined): boolean =>
  value instanceof PyFloat ? value.value !== 0 : Boolean(value) && value !== 0n;

const fields = {
  predict_concurrency: { type: whole, initial: () => 1n },
  streaming_read_timeout: { type: whole, initial: () => 60n },
  enable_tracing_data: { type: flag, initial: () => false },
  enable_debug_logs: { type: flag, initial: () => false },
  transport: { type: transport, initial: http },
  is_websocket_endpoint: { type: orNull(flag), initial: () => null },
  health_checks: { type: healthChecks, initial: () => healthChecks(new PyMapping(), [], []) },
  oidc: {
    type: model({ enabled: nullAtFirst(flag) }, { name: "OIDC" }),
    initial: () => new PyMapping().set("enabled", null),
  },
  remote_ssh: {
    type: model({ enabled: { type: flag, initial: () => false } }, { name: "RemoteSSH" }),
    initial: () => new PyMapping().set("enabled", false),
  },
  egress_restrictions: nullAtFirst(egressRestrictions),
  truss_server_version_override: nullAtFirst(version),
};

/** `runtime` of config.yaml. */
export const runtime: FieldType = (value, path, issues) => {
  const workers = value instanceof PyMapping ? value.get("num_workers") : undefined;
  if (
    workers !== undefined &&
    workers !== 1n &&
    workers !== true &&
    !(workers instanceof PyFloat && workers.value === 1)
  ) {
    const message = "Value error, After truss 0.9.49 only 1 worker per server is allowed.";
    issues.push({ path: [...path, "num_workers"], value: workers, message });
  }
  return model(fields, {
    name: "Runtime",
    before: (given) => {
      const transport = given.get("transport");
      if ((transport !== undefined && transport !== null) || !isTrue(given.get("is_websocket_endpoint"))) return given;
      return copy(given).set("transport", new PyMapping().set("kind", "websocket"));
    },
    written: (made) => {
      const kind = (made.get("transport") as PyMapping).get("kind");
      if (made.get("is_websocket_endpoint") === true && kind !== "websocket") {
        const none = new PyMapping().set("kind", "websocket");
        made.set("transport", none.set("ping_interval_seconds", null).set("ping_timeout_seconds", null));
      }
      return made.set("is_websocket_endpoint", (made.get("transport") as PyMapping).get("kind") === "websocket");
    },
  })(value, path, issues);
};

function copy(value: PyMapping): PyMapping {
  const made = new PyMapping();
  for (const [key, item] of value.entries) made.set(key, item);
  return made;
}
