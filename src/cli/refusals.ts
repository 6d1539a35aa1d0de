import type { RefusalTable } from "../domain/refusals/entry.ts";
import { errorsOfTable } from "../domain/refusals/refusal.ts";

/** What commands refuse of their arguments and surroundings. */
export const cliRefusals = {
  "release.taken-back": {
    says: "release {tag} has a content of {model} that was {state}",
    fix: "choose another release; after a false alarm, `menagerie rollout resume {model} --because TEXT`",
    cause: "What the guard found bad is not deployed again, by restore or promote, unless an operator resumes it.",
    exit: 3,
  },
  "api.unknown": {
    says: "the API service is not known",
    fix: 'set MENAGERIE_API_URL and MENAGERIE_API_KEY, or start environment "{environment}" with `menagerie up -e {environment}`',
    cause:
      "Clients need the API service's address and a key; those of an embedded environment are known while it runs.",
  },
  "api.url-not-set": {
    says: "MENAGERIE_API_URL is not set",
    fix: "set it to the API service's address, without a path",
    cause: "Paths are added to the address, so it is the root of the service.",
  },
  "api.key-not-set": {
    says: "MENAGERIE_API_KEY: missing",
    fix: "`menagerie key create` makes one",
    cause: "The API service answers nobody without a key.",
  },
  "api.stack-key-unreadable": {
    says: "the stack's own API key cannot be read ({reason})",
    fix: "set MENAGERIE_API_KEY to one that `menagerie key create` made",
    cause: "The key of an embedded environment is a Secret in its cluster, which did not answer.",
  },
  "api.not-deployed": {
    says: "the stack has no API service yet",
    fix: "run `menagerie up`, or set MENAGERIE_API_KEY",
    cause: "The first `up` has not come to the API service yet, or the stack has no database and so no API service.",
  },
  "cluster.unreachable": {
    says: "the cluster of {kubeconfig} does not answer ({cause})",
    fix: "start it, or name another with --kubeconfig",
    cause: "Nothing answers at the kubeconfig's address, or its certificate is not accepted.",
    exit: 1,
  },
  "data.not-json": {
    says: "--data is not JSON ({reason})",
    fix: "quote it for the shell, as in '{\"values\": [1]}'",
    cause: "Shells take quotes away, and unquoted braces apart.",
  },
  "data.file-unreadable": {
    says: "--data @{path} cannot be read: {reason}",
    fix: "give a file, or the JSON itself",
    cause: "The file that follows the @ could not be read.",
  },
  "call.unanswered": {
    says: "{url} does not answer ({cause})",
    fix: "`menagerie status` says what runs",
    cause: "Nothing listens at the address: the environment is down, or the gateway has another port.",
    exit: 1,
  },
  "call.failed": {
    says: "{name} answered HTTP {status}: {text}",
    fix: "",
    cause: "The server answered, and not with success; the rest of the sentence is its answer.",
    exit: 1,
  },
  "chat.failed": {
    says: "{name} failed in the middle of its answer: {reason}",
    fix: "`menagerie logs {name}` may say more",
    cause:
      "After its first words a model can report an error only in the stream itself; the sentence's end is what it said there.",
    exit: 1,
  },
  "chat.broken-off": {
    says: "{name}'s answer broke off: {reason}",
    fix: "`menagerie logs {name}` may say more",
    cause: "The connection ended before the answer did: the model's process ended, or something between closed it.",
    exit: 1,
  },
  "model.not-patchable": {
    says: 'model "{name}" is a {kind} model, whose code changes by a rollout',
    fix: "declare it under menagerie:development to patch it",
    cause:
      "A patch changes one version in place. A zoo model's or shadow's version stands for one content, which apps and evidence rely on.",
  },
  "model.unknown-to-stack": {
    says: 'there is no model "{name}"',
    fix: "the stack has {names}",
    cause: "The name is looked up in the stack's outputs, which the last `up` wrote.",
  },
  "database.unknown": {
    says: "the platform's database is not known",
    fix: 'set {variable}, or start environment "{environment}" with `menagerie up -e {environment}`',
    cause: "The command works in the platform's database; that of an embedded environment is known while it runs.",
  },
  "database.of-stack-unknown": {
    says: 'the database of stack "{stack}" is not known',
    fix: "set {variable} to its address, with a login that may act as menagerie_operator",
    cause: "Commands that work in the platform's tables of a stack of your own are told where they are.",
  },
  "environment.none": {
    says: 'environment "{name}" does not exist in {home}',
    fix: "make it with `menagerie up -e {name}`",
    cause: "Environments are folders below MENAGERIE_HOME; another value of it has others.",
    exit: 1,
  },
  "environment.without-tools": {
    says: 'the tools of environment "{name}" are missing',
    fix: "make them with `menagerie up -e {name}`",
    cause: "The tools were removed from the cache, or the first `up` was interrupted before it had them.",
    exit: 1,
  },
  "engine.destroy-remove": {
    says: "destroy --remove deletes the committed {committedFile}",
    fix: "run `menagerie pulumi -e {environment} -- destroy`, then `stack rm`",
    cause: "Pulumi's --remove deletes the stack's file too, and that of an embedded environment is committed.",
  },
  "engine.watch": {
    says: "watch deploys each change without showing what it deletes",
    fix: "run `menagerie watch MODEL --deploy`, or `menagerie up -e {environment}`",
    cause: "Every run that deletes or replaces something goes through `menagerie`, which lists it first.",
  },
  "engine.other-stack": {
    says: '-s {stack}: the stack of an environment is always "local"',
    fix: "leave -s out, or name another environment by `menagerie pulumi -e NAME`",
    cause: "An environment has one stack of each program; environments stand for what stacks are elsewhere.",
  },
  "engine.stack-rename": {
    says: 'stack rename: the stack of an environment is always "local"',
    fix: "for another environment, run `menagerie up -e NAME`",
    cause: "Environments are told apart by their folder, not by the stack's name.",
  },
  "preview.not-json": {
    says: "standard input: {problem}",
    fix: "pipe in the output of `pulumi preview --json`",
    cause: "The command reads Pulumi's JSON events of a preview and nothing else.",
  },
  "release.no-state": {
    says: "the stack has no release with a state",
    fix: "set menagerie:state and run `menagerie up`",
    cause: "Release environments are schemas of the stack's state.",
    exit: 1,
  },
  "release.unknown-tag": {
    says: "--release {tag}: there is no such release",
    fix: "use one of {known}",
    cause: "The tag is not among the releases whose state is kept.",
  },
  "release.no-environment": {
    says: "release {release} has no environment in the cluster",
    fix: "run `menagerie up`",
    cause: "Each release's address and login are a ConfigMap and a Secret, which `up` makes.",
    exit: 1,
  },
  "releases.record-wrong": {
    says: "--with {path} is not a printed record ({reason})",
    fix: "give the output of `menagerie releases --json`",
    cause: "The comparison is with a record that was printed elsewhere, such as by another stack's operator.",
  },
  "stack.no-file": {
    says: 'stack "{stack}": there is no {file} in {projectFolder}',
    fix: "choose another",
    cause: "A stack is the file Pulumi.<stack>.yaml of the project.",
  },
  "record.no-gate": {
    says: "--record {model}: menagerie:shadows.{deployment} declares no gate",
    fix: "add gate: {minPairs: 1000}, and run `up`",
    cause: "What a comparison has to show is declared with the shadow, before it is known how the comparison ends.",
  },
  "record.model-unknown": {
    says: '--record "{model}": no zoo model has this name',
    fix: "give one that `menagerie rollout` shows",
    cause: "Evidence is recorded for a zoo model's version, which a rollout then leaves.",
  },
  "record.other-content": {
    says: "--record {model}: the primary of {deployment} (content {hash}) is not a version of {model} with its variables, so the comparison is not evidence for leaving one",
    fix: "let the primary serve the version that the rollout leaves",
    cause: "Evidence counts for the version whose content the primary serves, and for no other.",
  },
  "recording.unknown": {
    says: 'nothing called "{name}" is recorded',
    fix: "name a shadow deployment, or a zoo model with `recording`, of this environment's stack",
    cause: "The name is looked up among what the last `up` deployed.",
  },
  "shadow.unknown": {
    says: 'there is no shadow deployment "{name}"',
    fix: "the stack has {names}",
    cause: "The name is looked up in menagerie:shadows.",
  },
  "time.unreadable": {
    says: '{option} "{text}" is not a time',
    fix: "use 30m, 24h, 7d, or a time such as 2026-11-21T08:00Z or 2026-11-21T09:00+01:00",
    cause: "A time without a zone is the terminal's; dates that could be read two ways are not guessed.",
  },
  "patch.needs-full-deployment": {
    says: "{model} needs a full deployment ({reasons})",
    fix: "run `menagerie up`",
    cause: "Some changes, such as of the base image, cannot be made inside a running container.",
    exit: 3,
  },
  "watch.ended-early": {
    says: "the watch ended before the last save was running: {notIn}",
    fix: "",
    cause:
      "The watch was stopped while the last save was on its way, or after it was refused: the model answers with what it had before.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(cliRefusals);
