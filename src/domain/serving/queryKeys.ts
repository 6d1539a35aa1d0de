import { gatewayFilter, luaFilter } from "./gatewayFilter.ts";

/**
 * Names under which gateways take a key from a query. No gateway of ours does, but clients send keys so, and the server of a truss
 * (uvicorn) logs every path with its query.
 */
const names = ["api_key", "api-key", "apikey", "x-api-key", "access_token", "auth_token"] as const;

const known: ReadonlySet<string> = new Set(names);

/** A request's path and query as a model gets to see it: without parameters that carry a key. Everything else stays as it is. */
export function withoutQueryKeys(pathAndQuery: string): string {
  const at = pathAndQuery.indexOf("?");
  if (at < 0) return pathAndQuery;
  const parts = pathAndQuery.slice(at + 1).split("&");
  const kept = parts.filter((part) => !known.has(decoded(part.split("=")[0] ?? "")));
  if (kept.length === parts.length) return pathAndQuery;
  return pathAndQuery.slice(0, at) + (kept.length > 0 ? `?${kept.join("&")}` : "");
}

function decoded(name: string): string {
  return name
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .toLowerCase();
}

/** {@link withoutQueryKeys} for paths below `root`, in the Lua that Envoy runs. */
function lua(root: string): string {
  return `local root = "${root}"
local keys = { ${names.map((name) => `["${name}"] = true`).join(", ")} }

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  if not path or path:sub(1, #root) ~= root then return end
  local at = path:find("?", 1, true)
  if not at then return end
  local kept, found = {}, false
  for part in (path:sub(at + 1) .. "&"):gmatch("([^&]*)&") do
    local name = part:match("^[^=]*"):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    if keys[name:lower()] then found = true else kept[#kept + 1] = part end
  end
  if not found then return end
  path = path:sub(1, at - 1)
  if #kept > 0 then path = path .. "?" .. table.concat(kept, "&") end
  headers:replace(":path", path)
end
`;
}

/**
 * Patch of an EnvoyFilter (networking.istio.io/v1alpha3): gateways take keys from the queries of requests below `root`, once these have
 * been let pass and before they are sent on, copies for shadows included.
 */
export function queryKeyPatch(root: string) {
  return gatewayFilter(luaFilter("menagerie.query-keys", lua(root)));
}
