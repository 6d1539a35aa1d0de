import { GraphQLError } from "graphql";
import {
  type CatalogModel,
  type CatalogVersion,
  findModel,
  listModels,
  listOrganizations,
  listVersions,
} from "../../../adapters/postgres/catalog.ts";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import { clientStatus } from "../development/clientStatus.ts";
import type { GraphqlContext, GraphqlParts } from "./context.ts";

/** Nothing of this name that the key opens: the code is the one that the truss client looks for. */
export function notFound(what: string): GraphQLError {
  return new GraphQLError(`there is no ${what}`, { extensions: { code: "RESOURCE_NOT_FOUND" } });
}

/** Models and versions as the schema has them; fields that cost a query are functions. */
export function modelTypes({ pool, versions, find, deployments }: GraphqlParts) {
  const statusOf = async (version: CatalogVersion): Promise<string> => {
    if (!version.isDevelopment) return "ACTIVE";
    const deployment = await deployments?.status(version.id);
    if (deployment?.status === "building") return "BUILDING";
    if (deployment?.status === "deploying") return "DEPLOYING";
    if (deployment?.status === "failed") return "DEPLOY_FAILED";
    const known = await find(version.id);
    return known && version.signature ? clientStatus((await versions.status(known)).state) : "DEPLOYING";
  };

  const versionType = (version: CatalogVersion, model: CatalogModel, context: GraphqlContext): object => ({
    id: version.id,
    semver: `0.0.${version.number}`,
    truss_hash: version.hash,
    truss_signature: version.signature && JSON.stringify(version.signature),
    is_draft: version.isDevelopment,
    is_primary: version.isCurrent && !version.isDevelopment,
    current_model_deployment_status: async () => ({
      status: await statusOf(version),
      because: async () => (await deployments?.status(version.id))?.reason ?? null,
    }),
    oracle: () => modelType(model, context),
    instance_type: { name: "pod" },
  });

  const modelType = (model: CatalogModel, context: GraphqlContext): object => ({
    id: model.id,
    name: model.name,
    hostname: `${context.origin}/hosts/${model.id}`,
    team: { id: model.organizationId, name: model.organization, default: true },
    versions: async () =>
      (await listVersions(pool, { modelId: model.id })).map((version) => versionType(version, model, context)),
    primary_version: async () => {
      const found = (await listVersions(pool, { modelId: model.id })).find(({ isCurrent }) => isCurrent);
      return found ? versionType(found, model, context) : null;
    },
  });

  return {
    async teams({ scope }: GraphqlContext) {
      const organizations = await listOrganizations(pool, scope);
      return organizations.map(({ id, name }, index) => ({ id, name, default: index === 0 }));
    },
    async models({ team_id }: { team_id?: string | null }, context: GraphqlContext) {
      const models = await listModels(pool, context.scope);
      return models
        .filter(({ organizationId }) => !team_id || organizationId === team_id)
        .map((model) => modelType(model, context));
    },
    async model({ id, name }: { id?: string | null; name?: string | null }, context: GraphqlContext) {
      if (!id && !name) throw new GraphQLError("model: give an id or a name", { extensions: { code: "bad_request" } });
      const found = await findModel(pool, context.scope, id ? { id } : { name: name ?? "" });
      if (!found) throw notFound(id ? `model ${id}` : `model "${name}"`);
      return modelType(found, context);
    },
    async version(id: string, context: GraphqlContext) {
      const [version] = await listVersions(pool, { id });
      const model = version && (await findModel(pool, context.scope, { id: version.modelId }));
      if (!version || !model) throw notFound(`version ${id}`);
      return versionType(version, model, context);
    },
    /** The development version of a model that the key opens. */
    async developmentVersion(
      modelId: string,
      { scope }: GraphqlContext,
    ): Promise<{ readonly version: DevelopmentVersion; readonly signature: string | null; readonly hash: string }> {
      const model = await findModel(pool, scope, { id: modelId });
      if (!model) throw notFound(`model ${modelId}`);
      const row = (await listVersions(pool, { modelId: model.id })).find(({ isDevelopment }) => isDevelopment);
      const version = row && (await find(row.id));
      if (!version) throw notFound(`development version of model ${model.name}`);
      return { version, signature: row.signature && JSON.stringify(row.signature), hash: row.hash ?? "" };
    },
  };
}
