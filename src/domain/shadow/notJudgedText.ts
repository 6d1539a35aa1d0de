import type { ComparisonResult } from "./comparisonResult.ts";
import type { NotJudged } from "./judgement.ts";
import { count } from "./readable.ts";

const words: Readonly<Record<NotJudged, string>> = {
  too_long: "too long to compare",
  not_decodable: "in a content coding that could not be decoded",
  repeated_key: "with a key twice",
  beyond_limits: "nested too deep or with numbers too long",
  not_kept: "without a kept body",
  redacted: "whose recording is redacted",
  client_gone: "whose client hung up",
  copy_abandoned: "given up by the gateway before the shadow had answered",
  primary_failed: "without a whole answer of the primary",
};

/** Why pairs were not judged, such as `3 too long to compare, 1 with a key twice`; empty for none. */
export function describeNotJudged(
  notJudged: ComparisonResult["notJudged"],
  filter: (reason: NotJudged) => boolean = () => true,
): string {
  return (Object.entries(notJudged) as [NotJudged, number][])
    .filter(([reason]) => filter(reason))
    .map(([reason, pairs]) => `${count(pairs)} ${words[reason]}`)
    .join(", ");
}

/** What became of pairs whose request leaves the answer to chance, and how to have them judged; empty where none of them differs. */
export function describeSampled({ sampled: { pairs, asked, repeated } }: Pick<ComparisonResult, "sampled">): string {
  if (pairs + repeated === 0) return "";
  const judged =
    asked === 0
      ? "the primary was not asked again: ask it with --ask-primary, declare noiseFloor, or send a seed with the requests"
      : `of ${count(asked)} that the primary was asked again, it repeats itself in ${count(repeated)}, which are judged; declare noiseFloor, or send a seed with the requests, to judge the others`;
  const [differ, are] = pairs === 1 ? ["differs", "is"] : ["differ", "are"];
  return `${count(pairs)} ${differ}, perhaps by chance, and ${are} not judged; ${judged}`;
}
