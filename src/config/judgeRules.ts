import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { stickyBy, stickyHeaderOf } from "../domain/zoo/traffic.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { setGuardUrlCommand } from "./migrationTarget.ts";
import { keyPath } from "./sentences.ts";

/** Copies of requests are compared by what recorders store. */
export function mirrorIssues({ zoo }: Pick<ParsedEnvironment, "zoo">): Refusal[] {
  return Object.entries(zoo).flatMap(([name, { mirror, recording, from }]) => {
    if (mirror === undefined) return [];
    const at = keyPath(["zoo", name, "mirror"]);
    if (from === undefined)
      return [refusal("traffic.no-version-to-leave", at, { from: keyPath(["zoo", name, "from"]) })];
    if (recording && !recording.paused) return [];
    return [refusal("mirror.not-recorded", at, { recording: keyPath(["zoo", name, "recording"]) })];
  });
}

/** A judge has what it judges by: recorded answers of both versions, or a fixed limit. */
export function judgeIssues({
  zoo,
  prometheus,
  serving,
  guardsTarget,
}: Pick<ParsedEnvironment, "zoo" | "prometheus" | "serving"> & { readonly guardsTarget: boolean }): Refusal[] {
  return Object.entries(zoo).flatMap(([name, entry]) => {
    const { judge, recording, apps, mode = serving.mode } = entry;
    if (!judge) return [];
    const at = (key: string) => keyPath(["zoo", name, "judge", key]);
    const issues: Refusal[] = [];
    if (mode === "Knative") issues.push(refusal("judge.knative", keyPath(["zoo", name, "judge"])));
    const { control, maxErrors, maxMismatch, maxLatencyRatio, limits } = judge;
    if (control === 0) {
      if (maxErrors === undefined)
        issues.push(refusal("judge.nothing-judged", at("maxErrors"), { control: at("control") }));
      const compared = { maxMismatch, maxLatencyRatio };
      for (const [key, value] of Object.entries(compared)) {
        if (value !== undefined) issues.push(refusal("judge.without-control", at(key), { control: at("control") }));
      }
    } else {
      if (!recording || recording.paused) {
        const [found, change] = recording ? ["is true", "set it to false"] : ["missing", "add {}"];
        const path = keyPath(["zoo", name, "recording", ...(recording ? ["paused"] : [])]);
        issues.push(
          refusal("judge.not-recorded", path, {
            found,
            judge: keyPath(["zoo", name, "judge"]),
            change,
            control: at("control"),
          }),
        );
      } else if (!recording.bodies) {
        const path = keyPath(["zoo", name, "recording", "bodies"]);
        issues.push(refusal("judge.no-bodies", path, { mismatch: at("maxMismatch"), control: at("control") }));
      }
      if (maxErrors !== undefined)
        issues.push(refusal("judge.with-control", at("maxErrors"), { control: at("control") }));
    }
    issues.push(...userIssues(name, entry));
    if (apps && judge.action === "revert" && !guardsTarget)
      issues.push(
        refusal("judge.apps-elsewhere", at("action"), {
          apps: keyPath(["zoo", name, "apps"]),
          command: setGuardUrlCommand,
        }),
      );
    if (maxLatencyRatio && Object.keys(maxLatencyRatio).length === 0)
      issues.push(refusal("judge.no-quantile", at("maxLatencyRatio")));
    if (judge.warmupSeconds !== undefined && maxLatencyRatio === undefined)
      issues.push(refusal("judge.warmup", at("warmupSeconds"), { ratio: at("maxLatencyRatio") }));
    if (limits.length > 0 && !prometheus)
      issues.push(refusal("judge.limits-without-prometheus", at("limits"), { prometheus: keyPath(["prometheus"]) }));
    return issues;
  });
}

/** By a header, recorders have to see every user's first request. Fixed limits are judged whoever is drawn. */
function userIssues(
  name: string,
  { judge, by, traffic = 100, from, phase, recording }: ParsedEnvironment["zoo"][string],
): Refusal[] {
  const isJudged = judge && judge.control > 0 && judge.limits.length === 0;
  const isDrawn = stickyHeaderOf(stickyBy(by)) !== undefined && traffic > 0 && traffic < 100;
  // What going back does not need must not be in its way.
  if (!isJudged || !isDrawn || from === undefined || phase === "reverted") return [];
  if (!recording || recording.paused || recording.sample === 100) return [];
  const at = (...key: string[]) => keyPath(["zoo", name, ...key]);
  const keys = { by: at("by"), judge: at("judge"), control: at("judge", "control") };
  return [refusal("judge.users", at("recording", "sample"), { ...keys, sample: recording.sample })];
}
