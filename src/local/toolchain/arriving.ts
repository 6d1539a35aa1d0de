import type { PythonLayers } from "../../adapters/truss/python.ts";
import type { Manifests } from "./manifests.ts";
import { type BinaryName, binaryNames, type TektonBinaryName, tektonBinaryNames } from "./tools.ts";

/** Everything that an environment is made of, by the name under which it arrives. Paths of executables are absolute. */
export interface ToolchainParts extends Readonly<Record<BinaryName | TektonBinaryName, string>> {
  readonly manifests: Manifests;
  /** Python environments of the real truss: control server, inference server, build context. */
  readonly python: PythonLayers;
  /** Envoy's executable: the gateway. */
  readonly envoy: string;
}

export type PartName = keyof ToolchainParts;

/** Everything that the embedded environment runs and installs, in its pinned versions. All paths are absolute. */
export interface Toolchain extends Manifests {
  readonly bin: Readonly<Record<BinaryName, string>>;
  /** Tekton's, for an environment whose stack builds with it. */
  readonly tekton?: Readonly<Record<TektonBinaryName, string>>;
  readonly python: PythonLayers;
  readonly envoy: string;
}

/** The part of a toolchain that the engine needs. */
export interface EngineTools {
  readonly bin: Pick<Toolchain["bin"], "pulumi" | "pulumi-language-nodejs" | "pulumi-resource-kubernetes">;
}

/** The names of all parts of a toolchain, with or without Tekton's. */
export function partNames(tekton: boolean): readonly PartName[] {
  return [...binaryNames, ...(tekton ? tektonBinaryNames : []), "manifests", "python", "envoy"];
}

/** A toolchain whose parts arrive one after the other: what is there can be used while the rest is still being made. */
export class ArrivingToolchain {
  /** Whether Tekton's executables are among the parts. */
  readonly tekton: boolean;
  readonly #arrived: Partial<ToolchainParts> = {};
  readonly #awaited = new Map<PartName, PromiseWithResolvers<void>>();
  readonly #listeners: (() => void)[] = [];
  #failure: { readonly reason: unknown } | undefined;

  constructor(tekton: boolean) {
    this.tekton = tekton;
  }

  /** What has arrived so far. */
  get arrived(): Readonly<Partial<ToolchainParts>> {
    return this.#arrived;
  }

  get isComplete(): boolean {
    return partNames(this.tekton).every((name) => this.#arrived[name] !== undefined);
  }

  /** Takes parts in. One that arrived before keeps its place: whoever waited for it uses it already. */
  add(parts: Readonly<Partial<ToolchainParts>>): void {
    const fresh = Object.entries(parts).filter(([name, part]) => part && this.#arrived[name as PartName] === undefined);
    if (fresh.length === 0) return;
    Object.assign(this.#arrived, Object.fromEntries(fresh));
    for (const [name] of fresh) this.#awaited.get(name as PartName)?.resolve();
    for (const listener of this.#listeners) listener();
  }

  /** No more parts arrive: whoever waits for one gets `reason`. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    for (const [name, awaited] of this.#awaited) if (this.#arrived[name] === undefined) awaited.reject(reason);
  }

  /** Calls `listener` each time after something has arrived. */
  onArrival(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** One part, as soon as it has arrived. */
  part<Name extends PartName>(name: Name): Promise<ToolchainParts[Name]> {
    const part = this.#part(name);
    // Whoever asked may be busy with something else when the toolchain fails, and hears of it when he comes back.
    part.catch(() => {});
    return part;
  }

  async #part<Name extends PartName>(name: Name): Promise<ToolchainParts[Name]> {
    if (this.#arrived[name] === undefined) {
      if (this.#failure) throw this.#failure.reason;
      const awaited = this.#awaited.get(name) ?? Promise.withResolvers<void>();
      this.#awaited.set(name, awaited);
      await awaited.promise;
    }
    return this.#arrived[name] as ToolchainParts[Name];
  }

  /** The engine with its plugins, as soon as they have arrived. */
  async engineTools(): Promise<EngineTools> {
    const names = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-kubernetes"] as const;
    await Promise.all(names.map((name) => this.part(name)));
    return { bin: pick(this.#arrived as ToolchainParts, names) };
  }

  /** The whole toolchain, as soon as its last part has arrived. */
  async complete(): Promise<Toolchain> {
    await Promise.all(partNames(this.tekton).map((name) => this.part(name)));
    const parts = this.#arrived as ToolchainParts;
    return {
      bin: pick(parts, binaryNames),
      ...(this.tekton ? { tekton: pick(parts, tektonBinaryNames) } : {}),
      ...parts.manifests,
      python: parts.python,
      envoy: parts.envoy,
    };
  }
}

function pick<Name extends BinaryName | TektonBinaryName>(
  parts: ToolchainParts,
  names: readonly Name[],
): Record<Name, string> {
  return Object.fromEntries(names.map((name) => [name, parts[name]])) as Record<Name, string>;
}
