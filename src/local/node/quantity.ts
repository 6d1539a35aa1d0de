const suffixes: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * Value of a Kubernetes quantity, such as `500m` (0.5), `2Gi` (2147483648) or `1e3`; undefined when it is none.
 * Source: the serialization format in `k8s.io/apimachinery/pkg/api/resource`.
 */
export function parseQuantity(text: string | number): number | undefined {
  if (typeof text === "number") return text;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))$/.exec(text);
  if (!match) return undefined;
  const number = Number(`${match[1]}${match[2] ?? ""}`);
  return number * (suffixes[match[3] ?? ""] ?? 1);
}

/**
 * `value / divisor` rounded up to a whole number, as a resourceFieldRef gives it. A divisor of 0 or none counts as 1.
 */
export function dividedQuantity(value: number, divisor: string | undefined): string {
  const by = divisor === undefined ? 1 : (parseQuantity(divisor) ?? 1) || 1;
  // Binary fractions such as 0.1 / 0.001 must not push the result over the next whole number.
  return String(Math.ceil(Number((value / by).toPrecision(15))));
}
