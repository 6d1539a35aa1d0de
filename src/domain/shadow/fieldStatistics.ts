import { ConstantFactor, type FactorFinding } from "./constantFactor.ts";
import type { Difference } from "./difference.ts";
import { isJsonNumber, nearestDouble } from "./exactNumber.ts";

/** What differs in one field, over all pairs. */
export interface FieldSummary {
  /** The field with every index as `[*]`; `status`, `(not JSON)` for what is not a field of the body. */
  readonly field: string;
  /** Pairs in which it differs. */
  readonly mismatches: number;
  /** Share of the compared pairs. */
  readonly rate: number;
  /** Places, of which one pair may have several, by how they differ. */
  readonly how: Readonly<Record<Difference["how"], number>>;
  /** Mean and largest relative difference, 0 to 1. */
  readonly meanMagnitude: number;
  readonly maxMagnitude: number;
  readonly factor: FactorFinding | null;
  /** The first difference that was seen. */
  readonly example: { readonly primary: unknown; readonly shadow: unknown };
  /** The same for the primary and a second copy of it; null without a noise floor. */
  readonly noise: { readonly mismatches: number; readonly rate: number } | null;
  /** It differs no more often than between two copies of the primary. */
  readonly isNoise: boolean;
}

/** Fields that are told apart; a model that answers with more of them has its rest under one name. */
const fieldsAtMost = 500;
export const otherFields = "(other fields)";

interface Counted {
  pairs: number;
  places: number;
  magnitude: number;
  largest: number;
  readonly how: Record<Difference["how"], number>;
  readonly factor: ConstantFactor;
  readonly example: { readonly primary: unknown; readonly shadow: unknown };
}

/** Counts differences by field, in one pass and with bounded memory. */
export class FieldStatistics {
  readonly #fields = new Map<string, Counted>();
  readonly #overall = new ConstantFactor();

  /** The fields in which the pair differs, each once, as they are counted. */
  add(differences: readonly Difference[]): ReadonlySet<string> {
    const differing = new Set<string>();
    for (const difference of differences) {
      const field =
        this.#fields.has(difference.field) || this.#fields.size < fieldsAtMost ? difference.field : otherFields;
      let counted = this.#fields.get(field);
      if (!counted) {
        counted = blank(difference);
        this.#fields.set(field, counted);
      }
      if (!differing.has(field)) counted.pairs += 1;
      differing.add(field);
      counted.places += 1;
      counted.how[difference.how] += 1;
      counted.magnitude += difference.magnitude;
      counted.largest = Math.max(counted.largest, difference.magnitude);
      const { primary, shadow } = difference;
      if (!isJsonNumber(primary) || !isJsonNumber(shadow) || field === statusField) continue;
      const [from, to] = [nearestDouble(primary), nearestDouble(shadow)];
      counted.factor.add(from, to);
      this.#overall.add(from, to);
    }
    return differing;
  }

  mismatchesOf(field: string): number {
    return this.#fields.get(field)?.pairs ?? 0;
  }

  /** A factor that nearly all numbers of all fields follow. */
  factor(): FactorFinding | null {
    return this.#overall.finding() ?? null;
  }

  /** Those that differ most often come first. */
  summary(pairs: number): Omit<FieldSummary, "noise" | "isNoise">[] {
    return [...this.#fields]
      .map(([field, counted]) => ({
        field,
        mismatches: counted.pairs,
        rate: pairs === 0 ? 0 : counted.pairs / pairs,
        how: counted.how,
        meanMagnitude: counted.magnitude / counted.places,
        maxMagnitude: counted.largest,
        factor: counted.factor.finding() ?? null,
        example: counted.example,
      }))
      .sort((a, b) => b.mismatches - a.mismatches || (a.field < b.field ? -1 : 1));
  }
}

/** Name under which different HTTP statuses are counted. */
export const statusField = "status";
/** Name under which bodies that are not JSON are counted. */
export const bytesField = "(not JSON)";

function blank({ primary, shadow }: Difference): Counted {
  return {
    pairs: 0,
    places: 0,
    magnitude: 0,
    largest: 0,
    how: { value: 0, kind: 0, absent: 0 },
    factor: new ConstantFactor(),
    example: { primary: shortened(primary), shadow: shortened(shadow) },
  };
}

/** Values of a report are there to be read: long ones are cut, and nothing else of an answer is kept. */
export function shortened(value: unknown): unknown {
  if (typeof value === "string") return value.length > 120 ? `${value.slice(0, 119)}…` : value;
  // JSON has no NaN.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  const text = JSON.stringify(value);
  if (isJsonNumber(value) && text.length <= 120) return value;
  return text.length > 120 ? `${text.slice(0, 119)}…` : value;
}
