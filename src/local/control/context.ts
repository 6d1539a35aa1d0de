import type { KubeConfig } from "@kubernetes/client-node";
import type { EnvironmentState } from "../environmentState.ts";
import type { EnvironmentLayout } from "../layout.ts";
import type { ArrivingToolchain } from "../toolchain/index.ts";

/** What the descriptions of the control plane's parts are made from. */
export interface ControlContext {
  readonly layout: EnvironmentLayout;
  readonly state: EnvironmentState;
  /** Parts and steps wait for what they need of it, and for nothing else. */
  readonly tools: ArrivingToolchain;
  /** The administrator's identity, for bootstrap steps. */
  readonly admin: KubeConfig;
}
