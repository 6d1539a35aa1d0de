import type { DevelopmentStatus } from "../../../domain/development/contract.ts";

/** Words of the truss client for how a deployment is (`truss/remote/baseten/core.py` of 0.18.35). */
export type ClientStatus =
  | "ACTIVE"
  | "LOADING_MODEL"
  | "BUILDING"
  | "DEPLOYING"
  | "SCALED_TO_ZERO"
  | "UNHEALTHY"
  | "BUILD_FAILED"
  | "DEPLOY_FAILED";

/**
 * The client's word for a state. A version that is behind still answers, with older code, and a watch goes on from there:
 * calling it unhealthy would end the client's watch.
 */
export function clientStatus(state: DevelopmentStatus["state"]): ClientStatus {
  switch (state) {
    case "synced":
    case "behind":
      return "ACTIVE";
    case "waking":
    case "recreate":
      return "LOADING_MODEL";
    case "stopped":
      return "SCALED_TO_ZERO";
    case "unreachable":
      return "DEPLOYING";
  }
}
