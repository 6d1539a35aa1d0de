import * as z from "zod";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import { refuse } from "../refusals.ts";

const environment = z.object({
  /** By the console's own login. */
  MENAGERIE_DATABASE_URL: z.string().min(1),
  /** Name of the stack, for the pages' titles. */
  MENAGERIE_ENVIRONMENT_NAME: z.string().min(1),
  MENAGERIE_MODELS_NAMESPACE: z.string().min(1),
  /** JSON file with the stack's shadow deployments. */
  MENAGERIE_SHADOWS_FILE: z.string().min(1),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

/** What the console runs with. */
export interface ConsoleSettings {
  readonly database: DatabaseServer;
  readonly environment: string;
  readonly modelsNamespace: string;
  readonly shadowsFile: string;
  readonly port: number;
}

/** Settings from environment variables. Throws an `OperatorError` that names the wrong ones, never their values. */
export function readSettings(env: NodeJS.ProcessEnv): ConsoleSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw refuse("console.settings", { wrong: wrong.join("; ") });
  }
  const values = parsed.data;
  return {
    database: serverFromUrl(values.MENAGERIE_DATABASE_URL, "MENAGERIE_DATABASE_URL"),
    environment: values.MENAGERIE_ENVIRONMENT_NAME,
    modelsNamespace: values.MENAGERIE_MODELS_NAMESPACE,
    shadowsFile: values.MENAGERIE_SHADOWS_FILE,
    port: values.PORT,
  };
}
