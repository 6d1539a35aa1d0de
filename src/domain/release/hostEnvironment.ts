import { variableOf } from "./environment.ts";

/** How the machine of an operator reaches what runs in a cluster. */
export interface HostReach {
  /** PostgreSQL; null where only the cluster's own address is known. */
  readonly database: { readonly host: string; readonly port: number } | null;
  /** API service; null as above. */
  readonly apiUrl: string | null;
  /** Where each model is predicted with, through the gateway. */
  readonly modelUrls: Readonly<Record<string, string>>;
}

export interface HostEnvironment {
  /** Variables that differ on the host, with their values there. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Commands that must run meanwhile for these addresses to answer. */
  readonly portForwards: readonly string[];
}

/** Ports of the host that forwards listen on. */
const forwarded = { database: 15_432, api: 18_081 };

/**
 * The addresses of a release's environment as they are on the host: those that are relayed or public, and for Services that only
 * the cluster knows a port that `kubectl port-forward` listens on.
 */
export function hostEnvironment(values: Readonly<Record<string, string>>, reach: HostReach): HostEnvironment {
  const overrides: Record<string, string> = {};
  const portForwards: string[] = [];
  for (const [model, url] of Object.entries(reach.modelUrls)) {
    const variable = `${variableOf(model)}_URL`;
    if (variable in values) overrides[variable] = url;
  }
  const api = serviceOf(URL.parse(values.API_URL ?? "")?.hostname);
  if (reach.apiUrl !== null) overrides.API_URL = reach.apiUrl;
  else if (api) {
    overrides.API_URL = `http://127.0.0.1:${forwarded.api}`;
    portForwards.push(forward(api, forwarded.api, 80));
  }
  const database = serviceOf(values.PGHOST);
  const port = Number(values.PGPORT);
  if (reach.database) Object.assign(overrides, addressed(values, reach.database.host, reach.database.port));
  else if (database) {
    Object.assign(overrides, addressed(values, "127.0.0.1", forwarded.database));
    portForwards.push(forward(database, forwarded.database, port));
  }
  return { overrides, portForwards };
}

function addressed(values: Readonly<Record<string, string>>, host: string, port: number): Record<string, string> {
  const url = URL.parse(values.DATABASE_URL ?? "");
  if (url) {
    url.hostname = host;
    url.port = String(port);
  }
  return { PGHOST: host, PGPORT: String(port), ...(url ? { DATABASE_URL: url.href } : {}) };
}

interface ClusterService {
  readonly name: string;
  readonly namespace: string;
}

function serviceOf(host: string | undefined): ClusterService | undefined {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc(\.cluster\.local)?$/.exec(host ?? "") ?? [];
  return name && namespace ? { name, namespace } : undefined;
}

function forward({ name, namespace }: ClusterService, local: number, remote: number): string {
  return `kubectl -n ${namespace} port-forward service/${name} ${local}:${remote}`;
}
