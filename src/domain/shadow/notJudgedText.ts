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

/** Pairs that are not judged because their requests are sampled: how many of them differ, fail and are equal. */
export function sampledParts({ sampled: { pairs, differing, failing } }: Pick<ComparisonResult, "sampled">): string {
  const equal = pairs - differing - failing;
  return [
    ...(differing > 0 ? [`${count(differing)} ${differing === 1 ? "differs" : "differ"}, perhaps by chance`] : []),
    ...(failing > 0 ? [`${count(failing)} ${failing === 1 ? "has" : "have"} another status or no whole answer`] : []),
    ...(equal > 0 ? [`${count(equal)} ${equal === 1 ? "is" : "are"} equal`] : []),
  ].join("; ");
}

/** What became of pairs whose request leaves the answer to chance, and how to have them judged; empty where there are none. */
export function describeSampled(result: Pick<ComparisonResult, "sampled">): string {
  const { pairs, asked, repeated } = result.sampled;
  if (pairs + repeated === 0) return "";
  const judged =
    asked === 0
      ? "the primary was not asked again: ask it with --ask-primary, declare noiseFloor, or send a seed with the requests"
      : `of ${count(asked)} that the primary was asked again, it repeats itself in ${count(repeated)}, which are judged; declare noiseFloor, or send a seed with the requests, to judge the others`;
  if (pairs === 0) return `all are judged: ${judged}`;
  return `${count(pairs)} ${pairs === 1 ? "is" : "are"} not judged (${sampledParts(result)}); ${judged}`;
}
