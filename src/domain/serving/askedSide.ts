import { rolloutSides } from "../zoo/traffic.ts";
import { versionHeader } from "./activator.ts";
import { gatewayFilter, luaFilter } from "./gatewayFilter.ts";
import { servingRoot } from "./servedModel.ts";

/** Below it the API service answers what a request at the gateway asks of one version of a rollout: this, and the path at the gateway. */
export const sidesPath = "/models";

/**
 * Patch of an EnvoyFilter (networking.istio.io/v1alpha3): requests that say which version of a rollout is to answer go to the API service.
 * It runs once keys were checked, and the check's answer takes the header from whoever may not say so; a changed path has Envoy choose the
 * route anew. The API service asks for the key again, so nothing depends on this filter's place.
 */
export function askedSidePatch(namespace: string) {
  const sides = rolloutSides.map((side) => `["${side}"] = true`).join(", ");
  return gatewayFilter(
    luaFilter(
      "menagerie.asked-side",
      `local root = "${servingRoot(namespace)}/"
local sides = { ${sides} }

function envoy_on_request(handle)
  local headers = handle:headers()
  if not sides[headers:get("${versionHeader}")] then return end
  local path = headers:get(":path")
  if path and path:sub(1, #root) == root then headers:replace(":path", "${sidesPath}" .. path) end
end
`,
    ),
  );
}
