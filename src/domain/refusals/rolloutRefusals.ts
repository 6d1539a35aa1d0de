import type { RefusalEntry } from "./entry.ts";

/** Phases of rollouts: judged for a preview, and again in the transaction that records the phase. */
export const rolloutRefusals = {
  "rollout.from-missing": {
    says: "missing",
    fix: "phase {phase} leaves an old version: {give}",
    cause: "Every phase but `off`, `version` and `done` is about moving apps from one version to another.",
  },
  "rollout.from-removed": {
    says: "missing, and a rollout from version {from} is in phase {phase}",
    fix: 'keep from: "{from}" until it is done or reverted',
    cause: "Without it nobody would know which version the apps come from.",
  },
  "rollout.copy-given-up": {
    says: "missing, and a rollout is in phase copy",
    fix: 'keep from: "{from}" to go on, or put the truss folder back as it was to give the rollout up',
    cause: "The folder holds what the copy tries, and would be deployed without a gate.",
  },
  "rollout.reverted-content": {
    says: "its content was reverted",
    fix: 'put the folder back or change it, or try again by phase: copy with from: "{from}"',
    cause: "What was taken back would be deployed again, directly.",
  },
  "rollout.off-in-use": {
    says: '"off" would end what answers {used}',
    fix: "leave it on while apps point at it",
    cause: "Apps answer with the version that they point at.",
  },
  "rollout.from-unknown": {
    says: 'no version of {model} has the id "{from}"',
    fix: "known are {known}",
    cause: "`from` is the id of a registered version, as `menagerie rollout` shows it.",
  },
  "rollout.from-not-recorded": {
    says: "how version {number} is served was not recorded",
    fix: "run `up` once more with phase: done and without from, then begin",
    cause: "An older Menagerie registered it, and the old version is served from its row during a rollout.",
  },
  "rollout.other-from": {
    says: '"{from}" is not what the rollout in phase {phase} leaves',
    fix: 'use from: "{recorded}"',
    cause: "A rollout that has begun goes on from the same version.",
  },
  "rollout.skips-copy": {
    says: "{phase} skips the copy",
    fix: "begin the rollout from version {number} by phase: copy",
    cause: "No content reaches apps that was not tried in a copy.",
  },
  "rollout.wrong-order": {
    says: "{asked} {problem}",
    fix: "{fix}",
    cause:
      "Phases follow each other as off, copy, version, forward, bake, done; reverted is the way back from where apps may have moved.",
  },
  "rollout.content-changed": {
    says: "changed since the copy was tested (hash {hash} instead of {recorded})",
    fix: "put it back, or finish or revert this rollout and begin another by phase: copy",
    cause: "The evidence of copy and version is about the content that they tried.",
  },
  "rollout.bake-too-early": {
    says: '"bake" comes when all apps have moved, and {pointing}',
    fix: "run `up` with phase: forward and share: 100 first, {leave}",
    cause: "A bake watches the new version with all of its apps.",
  },
  "rollout.from-not-current": {
    says: '"{from}" is version {number}, and new apps use version {current}',
    fix: 'use from: "{id}"',
    cause: "A rollout leaves the version that new apps use.",
  },
  "rollout.same-content": {
    says: "has the very content of version {number}, which the rollout leaves",
    fix: "change the folder first",
    cause: "There is nothing to roll out.",
  },
  "rollout.no-gate": {
    says: "missing",
    fix: "forward moves apps only with evidence, so give inputs with their expected outputs, and run `up` with phase: version to try them",
    cause: "Without a gate nothing would have answered before the first app moves.",
  },
  "rollout.gate-open": {
    says: '"forward" needs evidence that {kinds} passed for content {hash}, and there is none',
    fix: "run {commands}",
    cause: "Evidence counts for one content and one set of checks.",
  },
  "rollout.divided": {
    says: "{phase} is for a version that answers every request, and the new one answers {weight} % of them",
    fix: "set traffic: 100 with phase: {kept} and run `up` first",
    cause: "The bake watches the new version while it serves everybody; after `done` the old one is gone.",
  },
  "rollout.done-in-use": {
    says: '"done" would remove version {number}, and {pointing}',
    fix: "move them by phase: forward, {leave}",
    cause: "Apps answer with the version that they point at.",
  },
  "rollout.bake-not-over": {
    says: '"done" comes when the bake is over, in {left}',
    fix: "keep phase: bake until then, or shorten bake.minutes and run `up`",
    cause: "After `done` the way back is another rollout.",
  },
  "rollout.taken-back": {
    says: "{asked} is refused: {state}",
    fix: "{change}; after a false alarm, `menagerie rollout resume {model} --because TEXT`",
    cause:
      "The guard found the new version worse than the old one and took the rollout back, or holds it. That content goes no further unless an operator resumes it.",
    exit: 3,
  },
  "rollout.copy-in-use": {
    says: "{point} at {model}_copy, which would be removed",
    fix: "take them back by `menagerie rollout untry`",
    cause: "Apps were pointed at the copy by hand, to try it.",
  },
  "traffic.no-version-to-leave": {
    says: "is for a rollout, and {from} is missing",
    fix: "remove the key",
    cause:
      "Requests are divided between the version that a rollout leaves and the new one; without a rollout one version answers all.",
  },
  "traffic.too-early": {
    says: "is for phase version and forward, and in phase {phase} the old version answers every request",
    fix: "add it with phase: version",
    cause: "The new version is served from phase `version` on.",
  },
  "traffic.missing": {
    says: "missing, and {judge} judges the new version by its requests",
    fix: "say how many of them it answers at first, such as traffic: 1",
    cause: "With a judge, nobody's requests move to a new version before somebody has said how many.",
  },
  "traffic.not-whole": {
    says: "{traffic} is below 100, and in phase {phase} the new version answers every request",
    fix: "set it to 100, or remove the key",
    cause: "The bake watches the new version while it serves everybody, and `done` removes the old one.",
  },
  "traffic.by-header": {
    says: '"{by}" is not possible: an HTTPRoute draws each request by itself and cannot divide users by a header',
    fix: "write cookie, set {api} to istio, or remove the key",
    cause:
      "Gateway API has no field by which a router would choose between weights by the hash of a header. Istio's gateways do so by an EnvoyFilter for the routes of a VirtualService.",
  },
  "traffic.by-cookie-paths": {
    says: '"cookie" with {count} paths of the model\'s own needs {rules} rules, and an HTTPRoute takes {limit}',
    fix: "leave at most {most} in {paths}, set {api} to istio, or remove the key",
    cause:
      "Each path that the gateway takes to the model needs three rules of an HTTPRoute: for users whose cookie names the old version, for those of the new one, and for the rest. A VirtualService has no such limit.",
  },
  "traffic.by-header-istio": {
    says: '"{by}" is not possible: the gateway of Istio {version} draws each request by itself and cannot divide users by a header',
    fix: "upgrade Istio to 1.28, write cookie, or remove the key",
    cause:
      "Envoy chooses between weights by the hash of a header since 1.36, which Istio 1.28 brought. An older gateway ignores the setting, and users would change sides with each request.",
  },
  "traffic.by-alone": {
    says: "says how requests are divided, and {traffic} does not say how many the new version answers",
    fix: "add traffic, or remove the key",
    cause: "Without `traffic` the new version answers every request.",
  },
  "traffic.knative-route": {
    says: "a model in Knative mode cannot be divided by an HTTPRoute",
    fix: "set {api} to istio, or remove the key",
    cause:
      "Knative finds a version by the Host of a request, and an HTTPRoute cannot give each of its backends another one.",
  },
  "leave.no-rollout": {
    says: "is for a rollout, and {from} is missing",
    fix: "remove the key",
    cause:
      "A warning. The apps that it names stay on the version that a rollout leaves; without one, every app stays where it is.",
  },
  "leave.not-an-id": {
    says: "{id} is not an app's id",
    fix: "give one that `menagerie app list` shows, or remove it",
    cause: "A warning. Ids of the platform's apps are whole numbers, so this one can name none.",
  },
  "leave.twice": {
    says: "{id} is listed twice",
    fix: "remove one of the two",
    cause: "A warning. Another id may have been meant.",
  },
  "leave.no-app": {
    says: "{table} has no app {id}",
    fix: "correct it, or remove it",
    cause: "A warning. The id names nothing, so `bake` and `done` go on waiting for whichever app was meant.",
  },
  "leave.deleted": {
    says: "app {id} is deleted",
    fix: "remove it",
    cause: "A warning. No phase waits for an app that is deleted.",
  },
  "leave.other-model": {
    says: "app {id} is an app of {other}, not of {model}",
    fix: "correct it, or list it at {at}",
    cause: "A warning. A rollout concerns the apps of its own model.",
  },
  "leave.moved-on": {
    says: "app {id} points at {version}, which is not the version that the rollout leaves",
    fix: "remove it",
    cause: "A warning. No phase waits for an app that is not on the old version.",
  },
  "leave.not-moved": {
    says: "app {id} was not moved yet, and phase forward moves it",
    fix: "list it after its owner has pointed it back",
    cause:
      "A warning. An app stays once its owner has pointed it back; `forward` moves every app that it has not moved before.",
  },
} as const satisfies Record<string, RefusalEntry>;
