import { stepAfter } from "./advance.ts";
import { nextPhase, type Phase, phaseRefusal, type RecordedRollout, underWay } from "./phases.ts";
import { copyName, type RegisteredVersion } from "./plan.ts";
import { factsOf, type StoredEvidence, type StoredRollout, type ZooRegistry } from "./registry.ts";
import { type TakenBack, takenBackContent } from "./takeBack.ts";
import type { StoredTraffic } from "./traffic.ts";

/** One version of a model, as a rollout's standing shows it. */
export interface StandingVersion extends Pick<RegisteredVersion, "id" | "number" | "hash" | "isCurrent" | "apps"> {}

/** An edit of the stack's config. */
export interface ConfigEdit {
  /** Such as `phase: version`, one key of the model's each. */
  readonly set: readonly string[];
  /** Why it would be refused now, in a sentence; null when nothing is in the way. */
  readonly refused: string | null;
}

/** Where a zoo model stands, what comes next, and how to go back. */
export interface Standing {
  readonly name: string;
  readonly phase: Phase;
  readonly since: Date;
  /** Version that the rollout leaves. */
  readonly from: StandingVersion | null;
  /** Version that is rolled out; null until it is registered. */
  readonly to: StandingVersion | null;
  readonly versions: readonly StandingVersion[];
  /** How the model's own requests are divided; null where one version answers all. */
  readonly traffic: Omit<StoredTraffic, "isOfRollout"> | null;
  /** Apps that point at the copy. */
  readonly copyApps: number;
  readonly bakeSecondsLeft: number | null;
  /** How a guard took it back, or holds it; null where none did, or where it was resumed. */
  readonly takenBack: Omit<TakenBack, "model"> | null;
  readonly evidence: readonly Omit<StoredEvidence, "model" | "evidence">[];
  /** Undefined where the folder has to change first. */
  readonly next: ConfigEdit;
  /** Null in phases that moved nobody. */
  readonly revert: { readonly set: string; readonly command: string | null } | null;
}

/** Where every recorded model stands, by name. */
export function standings(registry: ZooRegistry): Standing[] {
  return [...registry.rollouts.values()].map((rollout) => {
    const { model: name, phase, since, hash } = rollout;
    const registered = registry.versions.get(name) ?? [];
    const versions = registered.map(shown);
    const from = versions.find(({ id }) => id === rollout.from) ?? null;
    const to = versions.find((version) => version.hash === hash) ?? null;
    const moved = from !== null && (phase === "version" || phase === "forward" || phase === "bake");
    return {
      name,
      phase,
      since,
      from,
      to: from ? to : null,
      versions,
      traffic: trafficOf(rollout),
      copyApps: (registry.versions.get(copyName(name)) ?? []).reduce((sum, { apps }) => sum + apps, 0),
      takenBack: from ? takenBackOf(registry, rollout) : null,
      bakeSecondsLeft: phase === "bake" ? Math.max(0, rollout.bakeSecondsLeft ?? 0) : null,
      evidence: registry.evidence
        .filter((each) => each.model === name && each.hash === hash)
        .map(({ model: _, evidence: __, ...each }) => each),
      next: nextEdit(registry, name),
      revert: moved ? { set: "phase: reverted", command: to ? `menagerie rollout revert --id ${to.id}` : null } : null,
    };
  });
}

/** Of a rollout that is over, the row stays as it was. */
function trafficOf({ phase, traffic }: Pick<RecordedRollout, "phase" | "traffic">): Standing["traffic"] {
  if (!traffic?.isOfRollout || ![...underWay, "copy"].includes(phase)) return null;
  const { isOfRollout: _, ...split } = traffic;
  return split;
}

function takenBackOf({ takenBack = [] }: ZooRegistry, { model, from, hash }: StoredRollout): Standing["takenBack"] {
  const taken = takenBackContent(takenBack, { model, from, hash });
  if (!taken) return null;
  const { model: _, ...shown } = taken;
  return shown;
}

function nextEdit(registry: ZooRegistry, name: string): ConfigEdit {
  const rollout = registry.rollouts.get(name);
  const registered = registry.versions.get(name) ?? [];
  const current = registered.find(({ isCurrent }) => isCurrent);
  const next = rollout && nextPhase[rollout.phase];
  const facts = factsOf(registry, name, rollout?.hash ?? "");
  if (!rollout || rollout.from === undefined || !next) {
    const from = current?.id ?? "<id>";
    // After `reverted` the same content may be rolled out again; after `done` it is what new apps use.
    const refused = rollout && phaseRefusal({ model: name, phase: "copy", from, hash: rollout.hash, gates: [] }, facts);
    const reason = refused?.id === "rollout.same-content" ? "change the truss folder first" : refused?.message;
    return { set: [`phase: copy`, `from: "${from}"`], refused: reason ?? null };
  }
  const traffic = underWay.includes(rollout.phase) ? stepAfter(trafficOf(rollout)?.weight ?? 100) : undefined;
  if (traffic !== undefined) return { set: [`traffic: ${traffic}`], refused: null };
  // Which gates the config asks for is judged by `up`; here, whether there is any evidence at all.
  const gates = facts.passed.length > 0 ? facts.passed : [{ kind: "smoke", suite: "" }];
  const request = { model: name, phase: next, from: rollout.from, hash: rollout.hash, gates };
  return { set: [`phase: ${next}`], refused: phaseRefusal(request, facts)?.message ?? null };
}

function shown({ id, number, hash, isCurrent, apps }: RegisteredVersion): StandingVersion {
  return { id, number, hash, isCurrent, apps };
}
