import { platformDatabase } from "../platformDatabase.ts";
import { releaseEnvironment, sharedEnvironment, sharedEnvironmentName } from "../release/environment.ts";
import { releaseRoles } from "../release/stateSchema.ts";
import type { EnvironmentSource } from "../serving/servedModel.ts";
import type { RunnableCombination, RunnableModel } from "./combination.ts";
import { trialNamespace } from "./pod.ts";

/** What the variables of a trial's models say. */
export interface TrialAddresses {
  /** PostgreSQL, as pods reach it; there where a model works in the state. */
  readonly database: { readonly host: string; readonly port: number; readonly sslMode: "disable" };
  /** Where the API service would be: a trial has none. */
  readonly apiUrl: string;
  /** Where pods predict with each model, by its place in the combination. */
  readonly modelUrls: readonly string[];
  /** Of the state's login. */
  readonly password: string;
}

/** The variables of a combination's models, beside their own, as a release's models have them where they serve. */
export interface TrialVariables {
  /** ConfigMaps and Secrets, by their path in the API. */
  readonly objects: Readonly<Record<string, object>>;
  sourceOf(model: RunnableModel): EnvironmentSource | undefined;
}

const releaseName = "env-release";

export function trialVariables(combination: RunnableCombination, addresses: TrialAddresses): TrialVariables {
  const { state, models } = combination;
  if (!state) return { objects: {}, sourceOf: () => undefined };
  const { database, apiUrl, modelUrls, password } = addresses;
  const shared = sharedEnvironment({ database, apiUrl });
  const { schema } = state;
  const own = releaseEnvironment({
    database,
    apiUrl,
    schema,
    tag: combination.name,
    models: models.map(({ name, identifier = name }, index) => ({ name, identifier, url: modelUrls[index] ?? null })),
  });
  const user = releaseRoles(schema).service;
  const at = `${database.host}:${database.port}/${platformDatabase}?sslmode=${database.sslMode}`;
  const login = {
    PGUSER: user,
    PGPASSWORD: password,
    DATABASE_URL: `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${at}`,
  };
  return {
    objects: {
      ...object("ConfigMap", sharedEnvironmentName, shared),
      ...object("ConfigMap", releaseName, own),
      ...object("Secret", releaseName, base64(login)),
    },
    sourceOf: (model) =>
      model.state
        ? { configMap: releaseName, values: own, secret: releaseName }
        : { configMap: sharedEnvironmentName, values: shared },
  };
}

function object(kind: "ConfigMap" | "Secret", name: string, data: Readonly<Record<string, string>>) {
  const path = `/api/v1/namespaces/${trialNamespace}/${kind.toLowerCase()}s/${name}`;
  return { [path]: { apiVersion: "v1", kind, metadata: { name, namespace: trialNamespace }, data } };
}

function base64(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
  );
}
