import { organizationHeader } from "../access/organizationHeader.ts";
import { firstGatewayFilter, luaFilter } from "./gatewayFilter.ts";

/**
 * Patch of an EnvoyFilter (networking.istio.io/v1alpha3): gateways take from each request what its client says of whose it is, before they
 * check its key. The check's answer alone cannot: Envoy removes headers once it has set others, and what MeshConfig does not list it leaves.
 */
export const organizationPatch = firstGatewayFilter(
  luaFilter(
    "menagerie.organization",
    `function envoy_on_request(handle)
  handle:headers():remove("${organizationHeader}")
end
`,
  ),
);
