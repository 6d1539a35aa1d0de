import { readTokenLimits, type TokenLimit } from "../adapters/postgres/limits/tokenLimits.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import type { PlatformPlan } from "./platform.ts";

type Spec = Pick<EnvironmentSpec, "mesh" | "zoo">;

/**
 * Compares limits of tokens with who counts them, by a read-only query. Without a recorder a model's tokens at the gateway are nobody's to
 * count. Requests of apps pass the API service, which counts them itself.
 *
 * @throws OperatorError with a line for each model that is reached without being counted
 */
export async function checkTokenLimits(spec: Spec, platform: PlatformPlan | undefined): Promise<void> {
  if (!spec.mesh?.keyCheck || platform?.basis !== "read") return;
  const issues = tokenLimitRefusals(spec, await readTokenLimits(platform.server));
  if (issues.length > 0) throw refused(issues);
}

/** One for each model, however many limits there are. */
export function tokenLimitRefusals({ zoo }: Pick<Spec, "zoo">, limits: readonly TokenLimit[]): Refusal[] {
  return Object.entries(zoo).flatMap(([model, { phase, recording }]) => {
    if (phase === "off" || (recording && !recording.paused)) return [];
    const limit = limits.find((each) => each.model === null || each.model === model);
    if (!limit) return [];
    const [command = "", ...name] = limit.holder.split(" ");
    const values = { holder: limit.holder, model, command, name: name.join(" ") };
    return [
      recording
        ? refusal("limits.tokens-not-counted", keyPath(["zoo", model, "recording", "paused"]), {
            ...values,
            change: "write paused: false",
          })
        : refusal("limits.tokens-not-counted", keyPath(["zoo", model, "recording"]), {
            ...values,
            change: "write recording: {}",
          }),
    ];
  });
}
