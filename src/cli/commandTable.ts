import type { Command } from "commander";

/** A command, as the help lists it; what carries it out is loaded when it is called. */
export interface CommandEntry {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  {
    name: "up",
    about: "Bring up an embedded environment with everything that its stack declares. A second run changes nothing.",
    load: async () => (await import("./commands/up.ts")).upCommand(),
  },
  {
    name: "preview",
    about: "Show what `up` would change: changes first, by name, then one line for each other resource.",
    load: async () => (await import("./commands/preview.ts")).previewCommand(),
  },
  {
    name: "down",
    about: "Stop an embedded environment. Its state stays, and the next `up` continues from there.",
    load: async () => (await import("./commands/down.ts")).downCommand(),
  },
  {
    name: "destroy",
    about: "Delete everything in a stack, or nothing: whatever prevents it is reported before the first deletion.",
    load: async () => (await import("./commands/destroy.ts")).destroyCommand(),
  },
  {
    name: "validate",
    about: "Check a stack's file and the folders it names, without a cluster or a database.",
    load: async () => (await import("./commands/validate.ts")).validateCommand(),
  },
  {
    name: "status",
    about: "Show what an environment runs: its parts, its models, and where they answer.",
    load: async () => (await import("./commands/status.ts")).statusCommand(),
  },
  {
    name: "console",
    about:
      "Open the pages that show an environment: models, rollouts, apps, what changed. Prints a link that logs in once.",
    load: async () => (await import("./commands/console.ts")).consoleCommand(),
  },
  {
    name: "drift",
    about:
      "Show fields of the stack's Kubernetes objects that others changed, removed or added; `--restore` undoes it.",
    load: async () => (await import("./commands/drift.ts")).driftCommand(),
  },
  {
    name: "logs",
    about: "Print the log of a model's pods.",
    load: async () => (await import("./commands/logs.ts")).logsCommand(),
  },
  {
    name: "predict",
    about: "Send one prediction, or a file of them, through the gateway.",
    load: async () => (await import("./commands/predict.ts")).predictCommand(),
  },
  {
    name: "chat",
    about: "Chat with a model through the gateway; the answer is printed as it comes.",
    load: async () => (await import("./commands/chat.ts")).chatCommand(),
  },
  {
    name: "watch",
    about: "Patch a development version at each save of its truss folder.",
    load: async () => (await import("./commands/watch.ts")).watchCommand(),
  },
  {
    name: "dev",
    about: "Show development versions with their patches, and list and delete pushed ones.",
    load: async () => (await import("./commands/dev.ts")).devCommand(),
  },
  {
    name: "compare",
    about: "Compare a shadow's answers with those of the primary to the same requests.",
    load: async () => (await import("./commands/compare.ts")).compareCommand(),
  },
  {
    name: "recording",
    about: "Delete single recorded requests, by their id or by a value in them.",
    load: async () => (await import("./commands/recording.ts")).recordingCommand(),
  },
  {
    name: "sample",
    about: "Export samples of recorded requests, check them, and keep them beside the stack file.",
    load: async () => (await import("./commands/sample.ts")).sampleCommand(),
  },
  {
    name: "app",
    about: "Create, list, delete and call apps: users' models that a zoo model answers for.",
    load: async () => (await import("./commands/app.ts")).appCommand(),
  },
  {
    name: "key",
    about: "Create, list, limit and revoke API keys.",
    load: async () => (await import("./commands/key.ts")).keyCommand(),
  },
  {
    name: "organization",
    about: "List organizations, and limit their requests and tokens.",
    load: async () => (await import("./commands/organization.ts")).organizationCommand(),
  },
  {
    name: "usage",
    about: "Show requests and tokens by day, organization, app and model.",
    load: async () => (await import("./commands/usage.ts")).usageCommand(),
  },
  {
    name: "audit",
    about: "Show who did what, when and from where.",
    load: async () => (await import("./commands/audit.ts")).auditCommand(),
  },
  {
    name: "rollout",
    about: "Show rollouts of zoo models and what comes next; move apps to a new version and back.",
    load: async () => (await import("./commands/rollout/index.ts")).rolloutCommand(),
  },
  {
    name: "activity",
    about: "Show everything that changed, the newest first: what, who did it, and what it follows from.",
    load: async () => (await import("./commands/activity.ts")).activityCommand(),
  },
  {
    name: "impact",
    about:
      "Show what a rollout or a release did: requests, apps and organizations that it answered, and answers that differ.",
    load: async () => (await import("./commands/impact.ts")).impactCommand(),
  },
  {
    name: "releases",
    about: "Show which combination of code and models was deployed when, the latest first.",
    load: async () => (await import("./commands/releases.ts")).releasesCommand(),
  },
  {
    name: "restore",
    about: "Write a release's config back into the stack's file, with each model pinned, and preview it.",
    load: async () => (await import("./commands/restore.ts")).restoreCommand(),
  },
  {
    name: "try",
    about: "Bring up a release beside the live one, on this machine or in a cluster, for as long as the command runs.",
    load: async () => (await import("./commands/try.ts")).tryCommand(),
  },
  {
    name: "promote",
    about: "Write what one stack was verified with into another stack's file, each model pinned by its hash.",
    load: async () => (await import("./commands/promote.ts")).promoteCommand(),
  },
  {
    name: "bisect",
    about: "Find the release, and the part of it, with which the answer to a request changed.",
    load: async () => (await import("./commands/bisect.ts")).bisectCommand(),
  },
  {
    name: "data",
    about: "List, dump and restore states of releases, and load their source data.",
    load: async () => (await import("./commands/data.ts")).dataCommand(),
  },
  {
    name: "env",
    about: "Print the environment variables of a release's workloads, as its ConfigMap and Secret have them.",
    load: async () => (await import("./commands/env.ts")).envCommand(),
  },
  {
    name: "term",
    about: "Open a shell on this machine with a release's environment, or run a command in it.",
    load: async () => (await import("./commands/term.ts")).termCommand(),
  },
  {
    name: "truss",
    about: "Hash, signature and patches of a truss folder, equal to those of truss 0.18.35.",
    load: async () => (await import("./commands/truss.ts")).trussCommand(),
  },
  {
    name: "truss-client",
    about: "Run the `truss` client against this environment: nothing of it leaves for another host.",
    load: async () => (await import("./commands/trussClient.ts")).trussClientCommand(),
  },
  {
    name: "replay",
    about: "Send recorded requests to a model, and compare its answers with the recorded ones.",
    load: async () => (await import("./commands/replay.ts")).replayCommand(),
  },
  {
    name: "prove",
    about:
      "Run the models of two revisions of a stack, send both the same requests, and say whether they answer alike.",
    load: async () => (await import("./commands/prove.ts")).proveCommand(),
  },
  {
    name: "preview-summary",
    about: "Print the Markdown comment of a pull request from the JSON of a preview on standard input.",
    load: async () => (await import("./commands/previewSummary.ts")).previewSummaryCommand(),
  },
  {
    name: "pulumi",
    about: "Run the pinned Pulumi engine with an environment's backend, passphrase and kubeconfig.",
    load: async () => (await import("./commands/pulumi.ts")).pulumiCommand(),
  },
];
