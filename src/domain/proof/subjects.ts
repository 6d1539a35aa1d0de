import { contentVersion } from "../shadow/evidence.ts";
import type { ComparisonRules } from "../shadow/rules.ts";

/** Where a stack declares a model. */
export type SubjectKind = "zoo" | "development" | "shadow";

/** What a stack declares that a proof is judged by. */
export interface ProofBounds {
  /** What counts as a difference. */
  readonly rules: ComparisonRules;
  /** Share of the requests that may be answered otherwise. @default none */
  readonly maxMismatch?: number | undefined;
  /** By how many times a quantile of the new side may be slower. @default not judged */
  readonly maxLatencyRatio?: { readonly p50?: number | undefined; readonly p95?: number | undefined } | undefined;
}

/** A model as one revision of a stack declares it. */
export interface Subject extends ProofBounds {
  readonly kind: SubjectKind;
  /** In config; of a shadow deployment `<deployment>/primary` and `<deployment>/<shadow>`. */
  readonly name: string;
  /** What its requests are recorded as: its name, or the shadow deployment's. */
  readonly recordedAs: string;
  /** Its truss folder, relative to the project. */
  readonly truss: string;
  /** Content hash of the folder. */
  readonly hash: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of one pod: cores, bytes with a suffix, whole GPUs. */
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
  /** Names of the secrets that its truss reads. */
  readonly secrets: readonly string[];
  /** It works in a release's state. */
  readonly hasState: boolean;
}

export type SubjectChange = "content" | "environment" | "resources";

/** A model that two revisions declare otherwise. */
export interface ChangedSubject {
  readonly old: Subject;
  readonly new: Subject;
  readonly changes: readonly SubjectChange[];
}

/** What differs between two revisions of a stack. */
export interface SubjectChanges {
  readonly changed: readonly ChangedSubject[];
  /** Models of one revision alone, which nothing can be compared with. */
  readonly added: readonly Subject[];
  readonly removed: readonly Subject[];
}

/** The models whose content, environment or resources differ, in the order of the new revision. */
export function changesBetween(old: readonly Subject[], fresh: readonly Subject[]): SubjectChanges {
  const before = new Map(old.map((each) => [subjectKey(each), each]));
  const after = new Set(fresh.map(subjectKey));
  const changed = fresh.flatMap((each): ChangedSubject[] => {
    const was = before.get(subjectKey(each));
    const changes = was ? changesOf(was, each) : [];
    return was && changes.length > 0 ? [{ old: was, new: each, changes }] : [];
  });
  return {
    changed,
    added: fresh.filter((each) => !before.has(subjectKey(each))),
    removed: old.filter((each) => !after.has(subjectKey(each))),
  };
}

/** What tells a model of a stack from all others. */
export function subjectKey({ kind, name }: Pick<Subject, "kind" | "name">): string {
  return `${kind} ${name}`;
}

function changesOf(old: Subject, fresh: Subject): SubjectChange[] {
  const changes: SubjectChange[] = [];
  if (old.hash !== fresh.hash) changes.push("content");
  // The same words in another order are the same environment.
  if (contentVersion("", old.env) !== contentVersion("", fresh.env)) changes.push("environment");
  const { cpu, memory, gpus } = old.resources;
  if (cpu !== fresh.resources.cpu || memory !== fresh.resources.memory || gpus !== fresh.resources.gpus)
    changes.push("resources");
  return changes;
}
