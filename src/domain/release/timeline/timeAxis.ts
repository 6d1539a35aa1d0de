/** One mark of a time axis. */
export interface TimeMark {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** `14:30`, or `21 Nov` where a day begins, in UTC. */
  readonly label: string;
}

const minute = 60_000;
const [hour, day] = [60 * minute, 24 * 60 * minute];
const steps = [
  ...[1, 2, 5, 10, 15, 30].map((each) => each * minute),
  ...[1, 2, 3, 6, 12].map((each) => each * hour),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((each) => each * day),
];

/** Marks at round times, at most `most` of them. */
export function timeMarks(start: number, end: number, most: number): TimeMark[] {
  const step = steps.find((each) => (end - start) / each <= most) ?? (end - start) / most;
  const marks: TimeMark[] = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) marks.push({ at, label: labelOf(at) });
  return marks;
}

function labelOf(at: number): string {
  return at % day === 0 ? dayOf(at) : new Date(at).toISOString().slice(11, 16);
}

/** `21 Nov` */
export function dayOf(at: number): string {
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const date = new Date(at);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** `2026-11-21 14:30`, in UTC. */
export function stamp(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

/** `3 d`, `2 h 10 min`, `45 s` */
export function lasting(milliseconds: number): string {
  if (milliseconds >= 2 * day) return `${Math.floor(milliseconds / day)} d`;
  const minutes = Math.floor(milliseconds / minute);
  if (minutes >= 600) return `${Math.floor(minutes / 60)} h`;
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h${minutes % 60 > 0 ? ` ${minutes % 60} min` : ""}`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(milliseconds / 1000)} s`;
}
