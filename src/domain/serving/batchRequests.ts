import { batchPurpose, purposeHeader } from "../access/purpose.ts";
import { apiPodLabels, batchesPort } from "./apiService.ts";
import { gatewayFilter, luaFilter } from "./gatewayFilter.ts";
import { platformMetadata } from "./platformMetadata.ts";
import type { Backend } from "./route.ts";

/**
 * Header by which a route that divides requests knows those of a batch, once keys were checked, and by which it names the InferenceService that
 * is to answer one. It is looked at on {@link batchesPort} alone. Whatever a client sent under this name is removed before.
 */
export const batchHeader = "x-menagerie-batch-to";

/**
 * The Service that takes the requests of batches while a rollout divides a model's requests: the API service's pods. Gateways count by
 * destination, so what goes here counts for no version, and no judge takes it for evidence.
 */
export function batchesBackend(servicesNamespace: string): Backend {
  return { service: "batches", namespace: servicesNamespace, port: 80 };
}

/** The Service of {@link batchesBackend}. */
export function batchesService(servicesNamespace: string) {
  const { service, port } = batchesBackend(servicesNamespace);
  return {
    metadata: platformMetadata(service, servicesNamespace),
    spec: {
      selector: apiPodLabels,
      // They are not ready while the database is away, and models answer then all the same.
      publishNotReadyAddresses: true,
      ports: [{ name: "http", port, targetPort: batchesPort, protocol: "TCP" }],
    },
  };
}

/**
 * Patch of an EnvoyFilter (networking.istio.io/v1alpha3): marks the requests of batches for routes. It runs once keys were checked, and the
 * check's answer takes the purpose from whoever may not say so; a changed header has Envoy choose the route anew.
 */
export const batchPatch = gatewayFilter(
  luaFilter(
    "menagerie.batch",
    `function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("${batchHeader}") then headers:remove("${batchHeader}") end
  if headers:get("${purposeHeader}") == "${batchPurpose}" then headers:add("${batchHeader}", "either") end
end
`,
  ),
);
