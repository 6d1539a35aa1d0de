import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { httpRouteLimits, mostOwnPathsByCookie, rulesByCookie } from "../domain/serving/httpRouteFeatures.ts";
import { stickyBy, stickyHeaderOf } from "../domain/zoo/traffic.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Requests are divided between the two versions of a rollout, while both are served and the new one is not everybody's yet. */
export function trafficIssues({
  zoo,
  gateway,
  serving,
}: Pick<ParsedEnvironment, "zoo" | "gateway" | "serving">): Refusal[] {
  return Object.entries(zoo).flatMap(
    ([name, { traffic, by, from, phase, judge, paths = [], mode = serving.mode }]): Refusal[] => {
      const at = (key: string) => keyPath(["zoo", name, key]);
      if (judge && from !== undefined && phase === "version" && traffic === undefined) {
        return [refusal("traffic.missing", at("traffic"), { judge: at("judge") })];
      }
      const [key] = Object.entries({ traffic, by }).flatMap(([each, value]) => (value === undefined ? [] : [each]));
      // What going back does not need must not be in its way.
      if (key === undefined || phase === "reverted") return [];
      if (from === undefined) return [refusal("traffic.no-version-to-leave", at(key), { from: at("from") })];
      if (phase === "off" || phase === "copy") return [refusal("traffic.too-early", at(key), { phase })];
      const issues: Refusal[] = [];
      if ((phase === "bake" || phase === "done") && traffic !== undefined && traffic < 100) {
        issues.push(refusal("traffic.not-whole", at("traffic"), { traffic, phase }));
      }
      if (by !== undefined && stickyHeaderOf(stickyBy(by)) !== undefined && gateway.api === "gateway-api") {
        issues.push(refusal("traffic.by-header", at("by"), { by, api: keyPath(["gateway", "api"]) }));
      } else if (by !== undefined && traffic === undefined) {
        issues.push(refusal("traffic.by-alone", at("by"), { traffic: at("traffic") }));
      }
      if (by === "cookie" && gateway.api === "gateway-api" && paths.length > mostOwnPathsByCookie) {
        const [rules, limit, most] = [rulesByCookie(paths.length), httpRouteLimits.rules, mostOwnPathsByCookie];
        const keys = { paths: at("paths"), api: keyPath(["gateway", "api"]) };
        issues.push(refusal("traffic.by-cookie-paths", at("by"), { count: paths.length, rules, limit, most, ...keys }));
      }
      if (mode === "Knative" && gateway.api === "gateway-api") {
        issues.push(refusal("traffic.knative-route", at(key), { api: keyPath(["gateway", "api"]) }));
      }
      return issues;
    },
  );
}
