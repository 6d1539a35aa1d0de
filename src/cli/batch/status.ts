import type { AnswerLine } from "../../domain/batch/answerLine.ts";
import type { BatchRun } from "../../domain/batch/run.ts";
import { Throughput } from "../../domain/batch/throughput.ts";
import type { Progress } from "../../domain/progress.ts";
import { count } from "../../domain/shadow/readable.ts";

/** Failed lines that are named one by one; the file of the answers has all of them. */
const mostNamed = 5;
const longestNamed = 300;

/** What a batch says of itself while it runs: `1,234 answered, 2 failed, 310 per second, 4 at once, 40 s left`. */
export function batchStatus(
  run: Pick<BatchRun, "counts" | "atOnce" | "waits">,
  { size, before }: { readonly size: number; readonly before: number },
): (now: number, bytes: number) => string {
  const throughput = new Throughput(size);
  return (now, bytes) => {
    const { answered, failed } = run.counts;
    const speed = throughput.at(now, answered, bytes);
    const { waits } = run;
    return [
      `${count(before + answered)} answered`,
      failed > 0 ? `${count(failed)} failed` : undefined,
      speed && `${speed.perSecond < 10 ? speed.perSecond.toFixed(1) : count(Math.round(speed.perSecond))} per second`,
      waits ? `waits ${spell(waits.ms / 1000)} (${waits.reason})` : `${run.atOnce} at once`,
      speed && `${spell(speed.secondsLeft)} left`,
    ]
      .filter((part) => part !== undefined)
      .join(", ");
  };
}

/** Names the first lines that fail, as they fail. */
export function failureNotes(progress: Progress): (answer: AnswerLine) => void {
  let named = 0;
  return ({ line, error }) => {
    if (!error || named >= mostNamed) return;
    named += 1;
    const said = error.message.replaceAll(/\s+/g, " ").slice(0, longestNamed);
    progress.note(
      `✗ line ${line}: ${said}${named === mostNamed ? " (further failures are in the answers alone)" : ""}`,
    );
  };
}

/** A time as people read it: `40 s`, `12 min`, `3.5 h`. */
function spell(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
