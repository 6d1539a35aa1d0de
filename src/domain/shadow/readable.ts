/** A number with thousands apart. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Milliseconds as people read them. */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return "–";
  if (milliseconds >= 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds >= 100) return `${Math.round(milliseconds)} ms`;
  return `${Number(milliseconds.toPrecision(2))} ms`;
}

/** A share as people read it: `12.5 %`, never rounded to all or nothing when it is neither. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  const digits = value < 0.1 || value > 99.9 ? 3 : value < 1 || value > 99 ? 2 : 1;
  const text = value.toFixed(digits);
  if (Number(text) === 0) return "under 0.001 %";
  return Number(text) === 100 ? "over 99.999 %" : `${Number(text)} %`;
}

/** Tokens per second as people read them. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return "–";
  return perSecond >= 100 ? count(Math.round(perSecond)) : String(Number(perSecond.toPrecision(2)));
}
