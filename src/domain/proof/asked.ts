import type { OperationName } from "../protocols/operation.ts";
import type { Difference } from "../shadow/difference.ts";
import type { NotJudged } from "../shadow/judgement.ts";
import type { RecordedAnswer } from "../shadow/recorded.ts";
import type { CompiledRules } from "../shadow/rules.ts";
import { answerKey, anyField, differencesBetween, isFailure } from "./answers.ts";
import { type AskedField, asksPerRound, newPlace } from "./fieldTest.ts";

/** What is known of a request before it is asked. */
export interface ProofRequest {
  /** What tells it from all others of its model. */
  readonly key: string;
  readonly id: string;
  readonly operation: OperationName | null;
  /** Of its body. */
  readonly bytes: number;
}

/** The answers of one round, in the order in which they came. */
export type Round = readonly [old: RecordedAnswer, fresh: RecordedAnswer, again: RecordedAnswer];

/** Fields that are told apart in one request; the rest of them goes under one name. */
const fieldsAtMost = 200;
const otherFields = "(other fields)";

/** One request with all its answers, as they differ under one set of rules. */
export class AskedRequest {
  readonly request: ProofRequest;
  readonly #rules: CompiledRules;
  readonly #answers: RecordedAnswer[] = [];
  /** Of each answer, which of {@link #kinds} it is. */
  readonly #kindOf: number[] = [];
  readonly #keys = new Map<string, number>();
  /** One answer of each kind: answers of one kind cannot differ. */
  readonly #kinds: RecordedAnswer[] = [];
  /** By field, which kinds differ from which: `first * 1000 + second`. */
  readonly #fields = new Map<string, Set<number>>();
  #notJudged: NotJudged | undefined;

  constructor(request: ProofRequest, rules: CompiledRules) {
    this.request = request;
    this.#rules = rules;
  }

  get rounds(): number {
    return this.#answers.length / asksPerRound;
  }

  /** Why its answers cannot be compared. */
  get notJudged(): NotJudged | undefined {
    return this.#notJudged;
  }

  /** Neither side has ever done what it was asked. */
  get alwaysFails(): boolean {
    return this.#answers.every(isFailure);
  }

  /** Fields in which any two of its answers differ, whoever gave them; {@link anyField} is not among them. */
  get fields(): readonly string[] {
    return [...this.#fields.keys()].filter((field) => field !== anyField);
  }

  add(round: Round): void {
    for (const answer of round) {
      this.#answers.push(answer);
      // Two of them may be anything, so they are not of one kind.
      if (answer.failure === null && "unjudgeable" in answer.body) this.#notJudged = answer.body.unjudgeable;
      const key = answerKey(answer);
      const known = this.#keys.get(key);
      if (known === undefined) this.#addKind(key, answer);
      this.#kindOf.push(known ?? this.#kinds.length - 1);
    }
  }

  /** How it looks in one field to the test; undefined where no two answers differ in it. */
  field(name: string): AskedField | undefined {
    const pairs = this.#fields.get(name);
    if (!pairs) return undefined;
    return { rounds: this.rounds, differs: (first, second) => pairs.has(this.#pair(first, second)) };
  }

  /** Whether the new side's answers differ from the old side's in the field, or the old side's from each other. */
  differsIn(name: string): { readonly across: boolean; readonly within: boolean } {
    const pairs = this.#fields.get(name) ?? new Set<number>();
    const found = { across: false, within: false };
    for (const [old] of this.#answers.entries()) {
      if (isNew(old)) continue;
      for (const [other] of this.#answers.entries()) {
        if (pairs.has(this.#pair(old, other))) found[isNew(other) ? "across" : "within"] = true;
      }
    }
    return found;
  }

  /** The first pair of an old and a new answer that differs, or that there is. */
  differences(): readonly Difference[] {
    for (let old = 0; old < this.#answers.length; old += 1) {
      if (isNew(old)) continue;
      for (let fresh = newPlace; fresh < this.#answers.length; fresh += asksPerRound) {
        const [first, second] = [this.#answers[old], this.#answers[fresh]];
        const found = first && second && differencesBetween(first, second, this.#rules);
        if (found && "differences" in found && found.differences.length > 0) return found.differences;
      }
    }
    return [];
  }

  /** The new side failed where the old one answered, or the other way round. */
  failures(): { readonly old: boolean; readonly new: boolean } {
    const failed = (side: boolean) => this.#answers.some((each, place) => isNew(place) === side && isFailure(each));
    return { old: failed(false), new: failed(true) };
  }

  #pair(first: number, second: number): number {
    return (this.#kindOf[first] ?? 0) * 1_000 + (this.#kindOf[second] ?? 0);
  }

  #addKind(key: string, answer: RecordedAnswer): void {
    const kind = this.#kinds.length;
    this.#keys.set(key, kind);
    this.#kinds.push(answer);
    for (let other = 0; other < kind; other += 1) {
      const before = this.#kinds[other];
      if (!before) continue;
      this.#compare(other, kind, before, answer);
      this.#compare(kind, other, answer, before);
    }
  }

  #compare(first: number, second: number, a: RecordedAnswer, b: RecordedAnswer): void {
    const found = differencesBetween(a, b, this.#rules);
    if ("notJudged" in found) {
      this.#notJudged = found.notJudged;
      return;
    }
    const names = found.differences.map(({ field }) =>
      this.#fields.has(field) || this.#fields.size <= fieldsAtMost ? field : otherFields,
    );
    for (const name of names.length === 0 ? [] : [anyField, ...names]) {
      const pairs = this.#fields.get(name) ?? new Set<number>();
      this.#fields.set(name, pairs.add(first * 1_000 + second));
    }
  }
}

function isNew(place: number): boolean {
  return place % asksPerRound === newPlace;
}
