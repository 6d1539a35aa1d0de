import { type Refusal, refusal } from "../refusals/refusal.ts";
import type { RegisteredVersion } from "./plan.ts";
import { type TakenBack, takenBackContent, takenBackRefusal } from "./takeBack.ts";
import type { PlannedSplit, StoredTraffic } from "./traffic.ts";

/** Phases of a rollout, in their order; `reverted` is the way back. */
export const phases = ["off", "copy", "version", "forward", "bake", "done", "reverted"] as const;
export type Phase = (typeof phases)[number];

/** Where a model stands, as the database recorded it at the last `up`. */
export interface RecordedRollout {
  readonly phase: Phase;
  /** Id of the version that the rollout leaves; undefined where the content was deployed directly. */
  readonly from: string | undefined;
  /** Content that is rolled out. */
  readonly hash: string;
  /** How the model's requests were divided last; undefined where they never were. */
  readonly traffic?: StoredTraffic | undefined;
  /** Pods that the version it leaves keeps until it is done; undefined for its usual ones. */
  readonly keptPods?: number | undefined;
}

/** Proof that forward asks for. */
export interface Gate {
  /** Such as `smoke`. */
  readonly kind: string;
  /** Which set of checks; an edited set is another one. */
  readonly suite: string;
  /**
   * Command that finds the evidence.
   * @default `up` with phase: version
   */
  readonly from?: string | undefined;
}

/** What the stack's config asks of one zoo model. */
export interface RolloutRequest {
  /** Name of the zoo model. */
  readonly model: string;
  readonly phase: Phase;
  /** Id of the version to leave; without it content is deployed directly. */
  readonly from: string | undefined;
  /** Content hash of the truss folder, or the one that is pinned. */
  readonly hash: string;
  /** All of them must have passed for this content before the first app moves. */
  readonly gates: readonly Gate[];
  /**
   * How the model's own requests are divided between the two versions.
   * @default they are not
   */
  readonly traffic?: PlannedSplit | undefined;
}

/** What the request is judged by. */
export interface RolloutFacts {
  /** Undefined for a model that no `up` has recorded. */
  readonly recorded: RecordedRollout | undefined;
  readonly registered: readonly RegisteredVersion[];
  /** Apps that point at the model's copy. */
  readonly copyApps: number;
  /** Gates whose latest evidence for this content says passed. */
  readonly passed: readonly Gate[];
  /** Seconds that the bake still takes, by the database's clock; undefined outside of one. */
  readonly bakeSecondsLeft: number | undefined;
  /** Contents of the model that a guard took back. @default none */
  readonly takenBack?: readonly TakenBack[] | undefined;
}

/** Phases in which apps may be on either side, so that both versions have to be served. */
export const underWay: readonly Phase[] = ["version", "forward", "bake"];

/** Phases from which each one is entered or kept, for one rollout with the same content. */
const before: Readonly<Record<"version" | "forward" | "bake" | "done" | "reverted", readonly Phase[]>> = {
  version: ["copy", "version"],
  forward: ["version", "forward", "bake"],
  bake: ["forward", "bake"],
  done: ["bake", "done"],
  reverted: [...underWay, "reverted"],
};

/** The phase that comes next, where there is one. */
export const nextPhase: Readonly<Partial<Record<Phase, Phase>>> = {
  off: "copy",
  copy: "version",
  version: "forward",
  forward: "bake",
  bake: "done",
};

/**
 * Why a request cannot be followed, with what to write instead; undefined when it can. Judged
 * twice: for a preview, and again in the transaction that records the phase, before anything changes.
 */
export function phaseRefusal(request: RolloutRequest, facts: RolloutFacts): Refusal | undefined {
  return request.from === undefined ? directRefusal(request, facts) : rolloutRefusal(request, request.from, facts);
}

function directRefusal(request: RolloutRequest, facts: RolloutFacts): Refusal | undefined {
  const { recorded, registered, copyApps, takenBack = [] } = facts;
  const { model, phase, hash } = request;
  const current = registered.find(({ isCurrent }) => isCurrent);
  if (phase !== "off" && phase !== "version" && phase !== "done") {
    const id = current ? `add from: "${current.id}", its current version` : "deploy a first version by phase: done";
    return refusal("rollout.from-missing", at(model, "from"), { phase, give: id });
  }
  if (recorded?.from !== undefined && underWay.includes(recorded.phase)) {
    return refusal("rollout.from-removed", at(model, "from"), { from: recorded.from, phase: recorded.phase });
  }
  if (recorded?.phase === "copy") {
    if (copyApps > 0) return copyInUse(model, copyApps);
    if (phase !== "off" && current && current.hash !== hash) {
      return refusal("rollout.copy-given-up", at(model, "from"), { from: String(recorded.from) });
    }
  }
  if (recorded?.phase === "reverted" && phase !== "off" && recorded.hash === hash) {
    return refusal("rollout.reverted-content", at(model, "truss"), { from: String(recorded.from) });
  }
  const taken = takenBackContent(takenBack, request);
  // Content that users have all the same came another way, such as by a rollout from another version.
  if (taken && phase !== "off" && current?.hash !== hash)
    return takenBackRefusal(at(model, "truss"), taken, "its content");
  if (phase === "off") {
    const used = registered.filter(({ apps }) => apps > 0);
    if (used.length > 0) {
      const named = used.map((row) => `${count(row.apps)} of version ${row.number}`).join(", ");
      return refusal("rollout.off-in-use", at(model, "phase"), { used: named });
    }
  }
  return undefined;
}

function rolloutRefusal(request: RolloutRequest, from: string, facts: RolloutFacts): Refusal | undefined {
  const { model, phase, hash } = request;
  const { recorded, registered, copyApps } = facts;
  const old = registered.find(({ id }) => id === from);
  if (!old) {
    const known = registered.map(({ id, number }) => `"${id}" (version ${number})`).join(", ") || "none yet";
    return refusal("rollout.from-unknown", at(model, "from"), { model, from, known });
  }
  if (old.serving === undefined || old.image === undefined) {
    return refusal("rollout.from-not-recorded", at(model, "from"), { number: old.number });
  }
  if (phase === "off" || phase === "copy") return startRefusal(request, old, facts);
  if (recorded?.from !== from) {
    return recorded?.from !== undefined && underWay.includes(recorded.phase)
      ? refusal("rollout.other-from", at(model, "from"), { from, phase: recorded.phase, recorded: recorded.from })
      : refusal("rollout.skips-copy", at(model, "phase"), { phase: JSON.stringify(phase), number: old.number });
  }
  if (!before[phase].includes(recorded.phase)) return outOfOrder(model, recorded.phase, phase, from);
  if (phase !== "reverted" && recorded.hash !== hash) {
    const hashes = { hash: short(hash), recorded: short(recorded.hash) };
    return refusal("rollout.content-changed", at(model, "truss"), hashes);
  }
  if (recorded.phase === "copy" && copyApps > 0) return copyInUse(model, copyApps);
  const taken = takenBackContent(facts.takenBack ?? [], request);
  // In the phase that it has, it stays as the guard left it.
  if (taken && phase !== "reverted" && phases.indexOf(phase) > phases.indexOf(recorded.phase)) {
    return takenBackRefusal(at(model, "phase"), taken, JSON.stringify(phase));
  }
  const asked = (request.traffic?.asked ?? request.traffic)?.weight ?? 0;
  if (taken && phase !== "reverted" && asked > taken.weight)
    return takenBackRefusal(at(model, "traffic"), taken, `${asked}`);
  if (phase === "forward") return gateRefusal(request, facts);
  if (phase === "bake" && recorded.phase === "forward" && waiting(old) > 0) {
    const apps = { pointing: pointing(old), leave: orLeave(model, old) };
    return refusal("rollout.bake-too-early", at(model, "phase"), apps);
  }
  const weight = recorded.traffic?.isOfRollout ? recorded.traffic.weight : 100;
  if (weight < 100 && (phase === "done" || (phase === "bake" && recorded.phase === "forward"))) {
    return refusal("rollout.divided", at(model, "phase"), {
      phase: JSON.stringify(phase),
      weight,
      kept: recorded.phase,
    });
  }
  return phase === "done" && recorded.phase === "bake" ? doneRefusal(model, old, facts) : undefined;
}

/** `off` with a version to leave is the time before the copy. */
function startRefusal(
  { model, phase, hash, from }: RolloutRequest,
  old: RegisteredVersion,
  { recorded, registered, copyApps }: RolloutFacts,
): Refusal | undefined {
  if (recorded?.from !== undefined && underWay.includes(recorded.phase)) {
    return outOfOrder(model, recorded.phase, phase, recorded.from);
  }
  if (phase === "off" && recorded?.phase === "copy" && copyApps > 0) return copyInUse(model, copyApps);
  const current = registered.find(({ isCurrent }) => isCurrent);
  if (current && current.id !== from) {
    const versions = { number: old.number, current: current.number, id: current.id };
    return refusal("rollout.from-not-current", at(model, "from"), { from: String(from), ...versions });
  }
  if (phase === "copy" && old.hash === hash) {
    return refusal("rollout.same-content", at(model, "truss"), { number: old.number });
  }
  return undefined;
}

function gateRefusal({ model, gates, hash }: RolloutRequest, { passed }: RolloutFacts): Refusal | undefined {
  if (gates.length === 0) {
    return refusal("rollout.no-gate", at(model, "smoke"));
  }
  const open = gates.filter(({ kind, suite }) => !passed.some((each) => each.kind === kind && each.suite === suite));
  if (open.length === 0) return undefined;
  const commands = new Set(
    open.map(({ from }) => (from ? `\`${from}\`` : "`up` with phase: version, which checks again")),
  );
  return refusal("rollout.gate-open", at(model, "phase"), {
    kinds: open.map(({ kind }) => kind).join(" and "),
    hash: short(hash),
    commands: [...commands].join(", and "),
  });
}

function doneRefusal(
  model: string,
  old: RegisteredVersion,
  { bakeSecondsLeft = 0 }: RolloutFacts,
): Refusal | undefined {
  if (waiting(old) > 0) {
    const apps = { number: old.number, pointing: pointing(old), leave: orLeave(model, old) };
    return refusal("rollout.done-in-use", at(model, "phase"), apps);
  }
  if (bakeSecondsLeft <= 0) return undefined;
  return refusal("rollout.bake-not-over", at(model, "phase"), { left: duration(bakeSecondsLeft) });
}

function outOfOrder(model: string, recorded: Phase, asked: Phase, from: string): Refusal {
  const refuse = (problem: string, fix: string): Refusal =>
    refusal("rollout.wrong-order", at(model, "phase"), { asked: JSON.stringify(asked), problem, fix });
  if (asked === "reverted") {
    return recorded === "done"
      ? refuse("is not possible any more: the rollout is done", "roll the old content out by phase: copy")
      : refuse(
          `is for apps that may have moved, and the rollout is in phase ${recorded}`,
          "to give it up, set phase: off",
        );
  }
  const next = nextPhase[recorded];
  if (recorded === "done" || recorded === "reverted") {
    return refuse(`does not follow ${recorded}`, "begin another rollout by phase: copy");
  }
  if (phases.indexOf(asked) < phases.indexOf(recorded)) {
    return refuse(`is a step back from ${recorded}`, `finish the rollout from "${from}", or set phase: reverted`);
  }
  return refuse("skips a step", `the rollout is in phase ${recorded}, and ${next} comes next`);
}

function copyInUse(model: string, apps: number): Refusal {
  const point = apps === 1 ? "1 app points" : `${apps} apps point`;
  return refusal("rollout.copy-in-use", at(model, "phase"), { point, model });
}

const at = (model: string, key: string): string => `menagerie:zoo.${model}.${key}`;
const short = (hash: string): string => hash.slice(0, 12);
const count = (apps: number): string => (apps === 1 ? "1 app" : `${apps} apps`);
/** Apps that a phase waits for: those that stay by choice are none of them. */
const waiting = ({ apps, left = 0 }: RegisteredVersion): number => apps - left;
const pointing = (old: RegisteredVersion): string => {
  const apps = waiting(old);
  const which = named(old);
  return apps === 1
    ? `1 app${which} still points at version ${old.number}`
    : `${apps} apps${which} still point at version ${old.number}`;
};
const named = (old: RegisteredVersion): string => {
  const { waitedFor = [] } = old;
  if (waitedFor.length === 0) return "";
  const more = waiting(old) - waitedFor.length;
  return ` (${waitedFor.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
};
/** Rows that `forward` moved and that their users pointed back are not moved again. */
const orLeave = (model: string, { waitedFor }: RegisteredVersion): string =>
  `or leave those that their users pointed back by menagerie:zoo.${model}.leave: [${(waitedFor ?? ["<id>"]).map((id) => JSON.stringify(id)).join(", ")}]`;

/** Such as `2 d 3 h`, `4 min` or `12 s`; never less than what is left. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 120) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.ceil(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
