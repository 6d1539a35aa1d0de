import {
  type AppendResult,
  append,
  type NewPatch,
  type PatchChain,
  withPatch,
} from "../../../../../src/domain/patch/chain.ts";
import type { PatchStore, SyncRecord, SyncState } from "../../../../../src/domain/patch/ports.ts";

/** The store of one version in memory; every method is one transaction. */
export class MemoryStore implements PatchStore {
  chain: PatchChain;
  record: SyncRecord | null = null;
  revision = 0;

  constructor(baseHash: string) {
    this.chain = { generation: 1, baseHash, patches: [] };
  }

  async read(_: string): Promise<SyncState> {
    return { chain: this.chain, record: this.record, revision: this.revision };
  }

  async append(_: string, patch: NewPatch): Promise<AppendResult> {
    const result = append(this.chain, patch);
    if ("stored" in result && !result.repeated) this.chain = withPatch(this.chain, result.stored);
    return result;
  }

  async startGeneration(_: string, baseHash: string): Promise<number> {
    this.chain = { generation: this.chain.generation + 1, baseHash, patches: [] };
    return this.chain.generation;
  }

  async writeRecord(_: string, record: SyncRecord, revision: number): Promise<boolean> {
    if (revision !== this.revision) return false;
    this.record = record;
    this.revision += 1;
    return true;
  }
}
