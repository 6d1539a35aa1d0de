import { KubeConfig, type V1Secret } from "@kubernetes/client-node";
import { createDevelopmentVersions, type DevelopmentVersions } from "../adapters/api/developmentVersions.ts";
import { requestJson } from "../adapters/kubernetes/request.ts";
import { badInput, messageOf } from "../domain/errors.ts";
import type { EngineTarget } from "../local/target.ts";
import type { DeployedModel } from "./models.ts";

/** Where the stack keeps its own key to the API service; see `components/platformServices.ts`. */
const keySecret = "/api/v1/namespaces/menagerie/secrets/api-database";

/**
 * The API service of an environment, with `MENAGERIE_API_KEY`, or the stack's own key for whoever may read it in the
 * cluster.
 */
export async function developmentClient(target: EngineTarget): Promise<DevelopmentVersions> {
  const url = process.env.MENAGERIE_API_URL ?? target.apiUrl;
  if (!url) throw badInput("no API service: set MENAGERIE_API_URL to its address, without a path");
  return createDevelopmentVersions({ url: url.replace(/\/+$/, ""), key: await apiKey(target) });
}

async function apiKey({ kubeconfig }: EngineTarget): Promise<string> {
  const given = process.env.MENAGERIE_API_KEY;
  if (given) return given;
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  try {
    const { data } = await requestJson<V1Secret>(config, "GET", keySecret);
    return Buffer.from(data?.adminKey ?? "", "base64").toString("utf8");
  } catch (error) {
    throw badInput(
      `no API key: set MENAGERIE_API_KEY to one that \`menagerie key create\` made (the stack's own cannot be read: ${messageOf(error)})`,
      error,
    );
  }
}

/** The development version called `name`, with the id that the API service knows it by. */
export function developmentModel(model: DeployedModel): DeployedModel & { readonly versionId: string } {
  const { versionId } = model;
  if (model.kind === "development" && versionId !== null) return { ...model, versionId };
  throw badInput(
    `model "${model.name}" is a ${model.kind} model, whose code changes by a rollout; declare it under menagerie:development to patch it`,
  );
}
