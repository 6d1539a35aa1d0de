import { ensurePythonLayers, type PythonLayers } from "../../adapters/truss/python.ts";
import type { Progress } from "../../domain/progress.ts";
import { ensureGoTools } from "./goTools.ts";
import type { Manifests } from "./manifests.ts";
import type { BinaryName, TektonBinaryName } from "./tools.ts";

export { missingTools } from "./goTools.ts";
export type { CrdFile, KserveManifests } from "./manifests.ts";
export { preparePulumiHome } from "./pulumiHome.ts";
export { type BinaryName, versions } from "./tools.ts";

/** Everything that the embedded environment runs and installs, in its pinned versions. All paths are absolute. */
export interface Toolchain extends Manifests {
  readonly bin: Readonly<Record<BinaryName, string>>;
  /** Tekton's, for an environment whose stack builds with it. */
  readonly tekton?: Readonly<Record<TektonBinaryName, string>>;
  /** Python environments of the real truss: control server, inference server, build context. */
  readonly python: PythonLayers;
}

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
export async function ensureToolchain(options: ToolchainOptions): Promise<Toolchain> {
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const stopOthers = (error: unknown): never => {
    failure.abort(error);
    throw error;
  };
  const parts = [
    ensureGoTools({ ...options, signal }).catch(stopOthers),
    ensurePythonLayers({ ...options, signal }).catch(stopOthers),
  ] as const;
  // Not `all`: when one fails, the other's processes are to be gone before this returns.
  const [go, python] = await Promise.allSettled(parts);
  options.signal.throwIfAborted();
  if (go.status === "rejected" || python.status === "rejected") throw failure.signal.reason;
  return { ...go.value, python: python.value };
}
