import type { MeshConfig } from "../adapters/kubernetes/mesh.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { organizationHeader } from "../domain/access/organizationHeader.ts";
import { messageOf } from "../domain/errors.ts";
import { claimHeader } from "../domain/limits/claim.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { embeddedGateway } from "../domain/serving/embeddedGateway.ts";
import { askingGateway, labelsOfAsking } from "../domain/serving/keyCheck.ts";
import { namespaceOfGateway } from "../domain/serving/route.ts";

type MeshSpec = Pick<EnvironmentSpec, "mesh" | "gateway" | "namespace" | "zoo">;

/** What a stack asks its cluster about the mesh. */
export interface MeshReader {
  readonly countPods: (namespace: string, labels: Readonly<Record<string, string>>) => Promise<number>;
  readonly meshConfigs: () => Promise<readonly MeshConfig[]>;
}

/** A reader for an embedded environment, whose gateway is a process and not a pod. */
export function withEmbeddedGateway(reader: MeshReader): MeshReader {
  const carries = (labels: Readonly<Record<string, string>>) =>
    Object.entries(labels).every(([key, value]) => embeddedGateway.labels[key] === value);
  return {
    ...reader,
    countPods: async (namespace, labels) => (namespace === embeddedGateway.namespace && carries(labels) ? 1 : 0),
  };
}

/**
 * Compares `menagerie:mesh` with the mesh: a gateway that no label matches lets everybody pass without a key, a provider that Istio does
 * not know makes it refuse every request, and a wrong trust domain shuts the API service out. An `up` is refused for that; a
 * preview, which may come before Istio is configured, answers the sentences. What cannot be read is answered in both.
 */
export async function checkMesh(
  spec: MeshSpec,
  { preview, reader }: { readonly preview: boolean; readonly reader: MeshReader },
): Promise<readonly string[]> {
  const { mesh } = spec;
  if (!mesh) return [];
  const notChecked: string[] = [];
  const tell = (what: string) => (error: unknown) => {
    notChecked.push(`not checked whether ${what}: ${messageOf(error)}`);
    return [];
  };
  let configs: readonly MeshConfig[] = [];
  const read = async () => {
    configs = await reader.meshConfigs();
    return configured(mesh, configs);
  };
  const issues = [
    ...(await pods(spec, reader).catch(tell("the gateway has pods that ask for keys, as mesh.keyCheck says"))),
    ...(await read().catch(tell("Istio's MeshConfig agrees with menagerie:mesh"))),
  ];
  if (issues.length > 0 && !preview) throw refused(issues);
  return [...[...issues, ...passedOn(spec, configs)].map(({ message }) => message), ...notChecked];
}

async function pods({ mesh, gateway, namespace }: MeshSpec, reader: MeshReader): Promise<Refusal[]> {
  if (!mesh?.keyCheck) return [];
  const labels = labelsOfAsking(askingGateway(gateway, mesh.keyCheck.gatewayPods));
  const where = namespaceOfGateway(gateway, namespace);
  if ((await reader.countPods(where, labels)) > 0) return [];
  const given = Object.entries(labels).map(([key, value]) => `${key}: ${value}`);
  return [
    refusal(
      "mesh.gateway-labels",
      keyPath(["mesh", "keyCheck", ...(mesh.keyCheck.gatewayPods ? ["gatewayPods"] : [])]),
      {
        labels: `{${given.join(", ")}}`,
        namespace: where,
      },
    ),
  ];
}

/** Whether recorders at the gateway get the headers of the check's answer; nothing of it stops an `up`. */
function passedOn({ mesh, zoo }: MeshSpec, configs: readonly MeshConfig[]): Refusal[] {
  const provider = mesh?.keyCheck?.provider;
  if (provider === undefined || !Object.values(zoo).some(({ recording }) => recording)) return [];
  const knowing = configs.filter(({ providers }) => providers.includes(provider));
  if (knowing.length === 0) return [];
  const path = keyPath(["mesh", "keyCheck", "provider"]);
  const passesClaims = knowing.some(({ claimProviders = [] }) => claimProviders.includes(provider));
  const passesOrganizations = knowing.some(({ organizationProviders = [] }) =>
    organizationProviders.includes(provider),
  );
  return [
    ...(passesClaims ? [] : [refusal("mesh.provider-without-claims", path, { provider, header: claimHeader })]),
    ...(passesOrganizations
      ? []
      : [refusal("mesh.provider-without-organizations", path, { provider, header: organizationHeader })]),
  ];
}

function configured({ keyCheck, trustDomain }: NonNullable<MeshSpec["mesh"]>, configs: readonly MeshConfig[]) {
  if (configs.length === 0) {
    throw new Error("there is no MeshConfig in namespace istio-system");
  }
  const issues: Refusal[] = [];
  const domains = [...new Set(configs.flatMap(({ trustDomains }) => trustDomains))];
  if (!domains.includes(trustDomain)) {
    const named = { domain: trustDomain, domains: domains.join(" or ") };
    issues.push(refusal("mesh.trust-domain", keyPath(["mesh", "trustDomain"]), named));
  }
  const providers = [...new Set(configs.flatMap((config) => config.providers))];
  if (keyCheck && !providers.includes(keyCheck.provider)) {
    const known = providers.length > 0 ? `knows ${providers.join(", ")}` : "has none";
    const named = { provider: keyCheck.provider, known };
    issues.push(refusal("mesh.provider-unknown", keyPath(["mesh", "keyCheck", "provider"]), named));
  }
  return issues;
}
