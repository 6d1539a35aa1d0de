import * as z from "zod";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import type { Prometheus } from "../../adapters/prometheus/gatewayReadings.ts";
import { type RouteApi, routeApis } from "../../domain/serving/route.ts";
import { refuse } from "../refusals.ts";

const environment = z.object({
  /** By the guard's own login. */
  MENAGERIE_DATABASE_URL: z.string().min(1),
  /** Of an existing database with apps, by the guard's login there. */
  MENAGERIE_MIGRATION_DATABASE_URL: z.string().min(1).optional(),
  MENAGERIE_MODELS_NAMESPACE: z.string().min(1),
  /** What routes are made of. */
  MENAGERIE_ROUTE_API: z.enum(routeApis),
  /** A Prometheus that is asked for the values of fixed limits, and its token. */
  MENAGERIE_PROMETHEUS_URL: z.url().optional(),
  MENAGERIE_PROMETHEUS_TOKEN: z.string().min(1).optional(),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

/** What the guard runs with. */
export interface GuardSettings {
  readonly database: DatabaseServer;
  /** An existing database with apps; undefined where the guard has no login in one. */
  readonly appsDatabase: DatabaseServer | undefined;
  readonly modelsNamespace: string;
  readonly routeApi: RouteApi;
  /** Is asked for the values of fixed limits; undefined where the stack names none. */
  readonly prometheus: Prometheus | undefined;
  readonly port: number;
  readonly logLevel: string;
}

/** Settings from environment variables. Throws an `OperatorError` that names the wrong ones, never their values. */
export function readSettings(env: NodeJS.ProcessEnv): GuardSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw refuse("guard.settings", { wrong: wrong.join("; ") });
  }
  const values = parsed.data;
  return {
    database: serverFromUrl(values.MENAGERIE_DATABASE_URL, "MENAGERIE_DATABASE_URL"),
    appsDatabase:
      values.MENAGERIE_MIGRATION_DATABASE_URL === undefined
        ? undefined
        : serverFromUrl(values.MENAGERIE_MIGRATION_DATABASE_URL, "MENAGERIE_MIGRATION_DATABASE_URL"),
    modelsNamespace: values.MENAGERIE_MODELS_NAMESPACE,
    routeApi: values.MENAGERIE_ROUTE_API,
    prometheus: values.MENAGERIE_PROMETHEUS_URL
      ? { url: values.MENAGERIE_PROMETHEUS_URL.replace(/\/+$/, ""), bearerToken: values.MENAGERIE_PROMETHEUS_TOKEN }
      : undefined,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
  };
}
