import { ensurePythonLayers } from "../../adapters/truss/python.ts";
import type { Progress } from "../../domain/progress.ts";
import { together } from "../together.ts";
import { ArrivingToolchain, type Toolchain } from "./arriving.ts";
import { ensureEnvoy } from "./envoy.ts";
import { ensureGoTools } from "./goTools.ts";

export { ArrivingToolchain, type EngineTools, type Toolchain, type ToolchainParts } from "./arriving.ts";
export { missingTools } from "./goTools.ts";
export type { CrdFile, KserveManifests } from "./manifests.ts";
export { preparePulumiHome } from "./pulumiHome.ts";
export { type BinaryName, versions } from "./tools.ts";

export interface ToolchainOptions {
  /** Folder that all environments of a user share, see `menagerieCache`. */
  readonly cache: string;
  readonly progress: Progress;
  /** Aborting stops compilers and installers; a later call goes on where this one stopped. */
  readonly signal: AbortSignal;
  /** With Tekton. @default false */
  readonly tekton?: boolean;
  /** Default `process.env`: PATH, KUBEBUILDER_ASSETS, and what the go command and pip read. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Answers the toolchain; what is neither on the machine nor in the cache is built first, with a progress line each.
 * Throws an `OperatorError` for what the operator can mend (no Go, no network, full disk), else the signal's reason.
 */
export function ensureToolchain(options: ToolchainOptions): Promise<Toolchain> {
  return gatherToolchain(new ArrivingToolchain(options.tekton ?? false), options);
}

/** {@link ensureToolchain} into `arriving`, whose parts can be used as soon as each of them is there. */
export async function gatherToolchain(
  arriving: ArrivingToolchain,
  options: Omit<ToolchainOptions, "tekton">,
): Promise<Toolchain> {
  try {
    await together<unknown[]>(options.signal, (signal) => [
      ensureGoTools({ ...options, signal, tekton: arriving.tekton, onArrival: (parts) => arriving.add(parts) }),
      ensurePythonLayers({ ...options, signal }).then((python) => arriving.add({ python })),
      ensureEnvoy({ ...options, signal }).then((envoy) => arriving.add({ envoy })),
    ]);
    if (!arriving.isComplete) throw new Error("tools.ts does not build every executable");
    return await arriving.complete();
  } catch (error) {
    arriving.fail(error);
    throw error;
  }
}
