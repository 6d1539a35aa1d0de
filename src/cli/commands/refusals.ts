import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What single commands refuse. */
export const commandsRefusals = {
  "app.owner-not-an-email": {
    says: '--owner "{owner}" is not an email address',
    fix: "give one such as ada@example.com",
    cause: "Owners are users of the platform, who are known by their email.",
  },
  "app.not-an-id": {
    says: '"{given}" is not an app\'s id',
    fix: "`menagerie app list` shows the ids",
    cause: "Names of apps are unique in one organization only, so apps are named by their number.",
  },
  "app.no-api": {
    says: "the API service is not known",
    fix: 'set MENAGERIE_API_URL, or start environment "{environment}" with `menagerie up -e {environment}`',
    cause: "Predictions of apps are answered by the API service.",
  },
  "impact.which": {
    says: "--rollout or --release is missing",
    fix: "say whose impact: --rollout MODEL or --release TAG",
    cause: "An impact is that of one rollout or one release.",
  },
  "impact.no-rollout": {
    says: '--rollout "{rollout}": no rollout of this model has served a version',
    fix: "`menagerie rollout` shows rollouts",
    cause: "A rollout has an impact from its phase `version` on.",
  },
  "impact.no-release": {
    says: '--release "{release}": {stack} never served a zoo model of it',
    fix: "`menagerie releases` lists the tags",
    cause: "A release has an impact while it is current.",
  },
  "compare.no-gate": {
    says: "--gate: menagerie:shadows.{name} declares no gate",
    fix: "add gate: {minPairs: 1000}, and run `up`",
    cause: "What a comparison has to show is declared with the shadow, before it is known how the comparison ends.",
  },
  "compare.gate-not-met": {
    says: "the gate of {name} is not met: {unmet}",
    fix: "",
    cause:
      "The recorded answers do not show what the gate asks for: too few pairs, too many differences, or failures of the shadow.",
    exit: 3,
  },
  "compare.which-shadow": {
    says: "{name} has {count} shadows",
    fix: "choose one by --shadow: {names}",
    cause: "One comparison is between the primary and one shadow.",
  },
  "compare.unknown-shadow": {
    says: '--shadow "{wanted}": {name} has no such shadow',
    fix: "it has {names}",
    cause: "The name is looked up among the deployment's shadows.",
  },
  "report.not-written": {
    says: "--report {file} cannot be written: {reason}",
    fix: "name a file in an existing folder that you may write to",
    cause: "The report's file could not be written.",
  },
  "data.no-state": {
    says: 'release "{tag}" has no finished state',
    fix: "use one of {known}",
    cause: "Data is dumped from, loaded into and shown of a release's state that `up` has finished.",
  },
  "data.no-schemas": {
    says: "--schemas: missing",
    fix: "give the folder of the SQL files, or set menagerie:state.source in {path} to {schemas: <folder>}",
    cause: "The files say which tables there are, and in which order rows can be loaded.",
  },
  "destroy.embedded": {
    says: "--stack {stack}: an embedded environment has this stack",
    fix: 'run `menagerie down --delete`, with -e NAME for another than "local"',
    cause: "`destroy` is for staging and prod; an embedded environment goes with its cluster and database.",
  },
  "destroy.unfinished": {
    says: 'stack "{stack}" is not completely destroyed, see above',
    fix: "run the same command again to go on",
    cause: "The engine stopped at a resource that it could not delete; what it deleted is deleted.",
    exit: 1,
  },
  "dev.ambiguous": {
    says: '"{nameOrId}" is pushed by several organizations',
    fix: "give a version id that `menagerie dev list` shows",
    cause: "Each organization may push a model of the same name.",
  },
  "dev.no-patch": {
    says: "{model} has no patch {seq} of full deployment {generation}",
    fix: "`menagerie dev show {model}` lists its patches",
    cause: "Patches are counted from 1 after each full deployment.",
  },
  "dev.not-pushed": {
    says: '"{nameOrId}" is not a model that a client pushed',
    fix: "`menagerie dev list` shows those, and one that the stack declares is removed from menagerie:development",
    cause: "Only what a client pushed can be removed by hand; the stack would make what it declares again.",
  },
  "dev.unknown": {
    says: '"{called}" is not a development version',
    fix: "`menagerie dev show` lists them",
    cause: "No development version has that id, and no model of that name has a development version.",
  },
  "dev.which": {
    says: "this needs one development version, and these are meant: {ids}",
    fix: "give the id of one of them",
    cause: "Each organization may push a model of the same name, and a patch belongs to one version.",
  },
  "down.foreign-cluster": {
    says: 'environment "{name}" runs in a cluster that it did not bring up',
    fix: "run `menagerie pulumi -e {name} -- destroy --yes` first, then remove {root}",
    cause: "The environment's objects are in a cluster that outlives it, so they are deleted before its folder is.",
  },
  "drift.found": {
    says: "{drifted} of {all} objects are not as declared",
    fix: "run again with --restore to make them so",
    cause: "Somebody changed or deleted objects by hand, or a controller did.",
    exit: 3,
  },
  "drift.not-restored": {
    says: "not everything could be restored:\n{failed}",
    fix: "",
    cause: "The cluster refused these changes; each line says why.",
    exit: 1,
  },
  "console.no-address": {
    says: '--url "{address}" is not a URL',
    fix: "give the address that a browser reaches the console at, such as --url http://127.0.0.1:8080",
    cause: "The link that logs in is made of it.",
  },
  "key.no-scope": {
    says: "a key is for one model or one organization",
    fix: "give either --model NAME or --organization NAME",
    cause: "A key opens one model's predictions or everything of an organization, never both.",
  },
  "logs.no-pods": {
    says: "{name} has no pods",
    fix: "`menagerie status` says what runs",
    cause: "The model is stopped, scaled to zero, or its pods cannot be scheduled.",
    exit: 1,
  },
  "logs.refused": {
    says: "{name} has no log to show: {reason}",
    fix: "",
    cause: "The cluster has no log to show yet: most often the container has not started.",
    exit: 1,
  },
  "preview.from-a-terminal": {
    says: "standard input is a terminal",
    fix: "pipe in the output of `pulumi preview --json`",
    cause: "The command would wait for ever for somebody to type a preview.",
  },
  "promote.same-stack": {
    says: 'stack "{to}" is both source and target',
    fix: "promote from another stack",
    cause: "A promotion takes the content of one stack to another.",
  },
  "promote.never-deployed": {
    says: 'stack "{from}" has no deployment in the record',
    fix: "deploy it first",
    cause: "A promotion takes what the record says was deployed, not what the file says.",
  },
  "recording.which": {
    says: "what is to be forgotten is not said",
    fix: "give either --request ID or --where PATH=VALUE",
    cause: "Recorded requests are forgotten by their id, or by a value that they or their answers hold.",
  },
  "recording.bad-where": {
    says: '--where: "{where}" is not a path of a field',
    fix: "give one and a value, such as --where user.email=ada@example.com",
    cause:
      "The value is looked for at one place of requests and answers. What stands behind the = is not shown, for it may be a secret.",
  },
  "recording.samples-left": {
    says: "{count} could not be searched: {places}",
    fix: "open them as told above, or delete them, and run the command again",
    cause:
      "A sample that is encrypted for somebody else, damaged or out of reach may still hold what was to be forgotten.",
    exit: 1,
  },
  "recording.not-agreed": {
    says: "{found} recorded requests were found, and none is deleted",
    fix: "answer y, or add --yes",
    cause: "What is forgotten cannot be brought back, so that somebody has to agree to it.",
    exit: 3,
  },
  "recording.no-key": {
    says: 'Secret "{secret}" in namespace {namespace} has no key of pseudonyms',
    fix: "run `up`, which makes it",
    cause: "Where values are redacted, they are found by their pseudonym, which the recorder's key makes.",
    exit: 1,
  },
  "replay.nothing-recorded": {
    says: "schema {schema} has no complete request since {since}",
    fix: "use an earlier --since",
    cause:
      "Requests are recorded while a shadow deployment is there; those cut off by their size, and those stored without their body, cannot be sent again.",
    exit: 1,
  },
  "replay.gate-not-met": {
    says: "--max-mismatch {maxMismatch} is not met: {result}",
    fix: "",
    cause: "More of the answers differ from the recorded ones than was allowed.",
    exit: 3,
  },
  "replay.redacted": {
    says: "--max-mismatch: {name} has {redacted} with pseudonyms",
    fix: "remove the option; answers to pseudonyms are not compared with the recorded ones",
    cause:
      "Redacted requests hold pseudonyms, so a model that is sent one is asked something else than the recorded answer answers.",
  },
  "replay.two-paces": {
    says: "--as-recorded and --rate: both say when a request is sent",
    fix: "use one of them; --speed makes a recording faster or slower",
    cause: "With --as-recorded, requests are sent at the times of the recording.",
  },
  "replay.speed-alone": {
    says: "--speed is for --as-recorded",
    fix: "add --as-recorded, or use --rate",
    cause: "Without --as-recorded, requests are sent as fast as the model answers, or at --rate.",
  },
  "replay.bad-path": {
    says: '--ignore "{wrong}" is not a path of a field',
    fix: "use one such as results[*].at",
    cause: "Paths are names, separated by dots, with [*] for every entry of a list.",
  },
  "replay.bad-url": {
    says: '--to "{to}" is not a URL',
    fix: "give one such as http://127.0.0.1:18080/serving/models/iris/v1/models/model:predict",
    cause: "The requests are sent there as they were recorded.",
  },
  "replay.key-unreadable": {
    says: "--api-key: file {file} cannot be read: {reason}",
    fix: "give a key, or @ and the name of a file that holds one",
    cause: "A value that begins with @ names a file.",
  },
  "predict.url": {
    says: '"{url}" cannot be asked: it is not a URL, or --truss is given, which is for a model of the stack',
    fix: "give one such as http://127.0.0.1:18080/serving/models/iris/v1/models/model:predict",
    cause: "A model is named, or given by the address that it predicts at; of an address no more is known.",
  },
  "sample.no-key": {
    says: "MENAGERIE_API_KEY: {what}",
    fix: "`menagerie key create --organization {organization} --right export` makes one that may export",
    cause:
      "Recorded requests leave the environment by a key with the right to export, so that it is known who took them.",
  },
  "sample.key-elsewhere": {
    says: "key {prefix} opens {opens}, but recordings of {name} belong to the platform",
    fix: "use a key of organization admin with the right export, or one of this model of the zoo",
    cause:
      "Recordings are the platform's: a key of another organization takes nothing of them, not even its own requests.",
  },
  "sample.whose": {
    says: "{name} has requests of {organizations}",
    fix: "add --organization NAME for those of one organization, or --all-organizations",
    cause:
      "A sample is of one organization unless somebody says otherwise. Nobody knows whose a request is that was recorded by an earlier release, or came where no key is checked.",
  },
  "sample.one-or-all": {
    says: '--organization "{organization}" and --all-organizations exclude each other',
    fix: "leave out one of them",
    cause: "A sample is of one organization, or of all of them.",
  },
  "sample.not-redacted": {
    says: "{name} has {found}, and no redacted ones since {since}",
    fix: "redact by menagerie:zoo.<model>.recording.redact (shadows: menagerie:shadows.<name>.redact), or add --unredacted --because TEXT and --recipient",
    cause: "Requests hold what users send. In a plain file that leaves the environment, pseudonyms take its place.",
  },
  "sample.no-reason": {
    says: "--unredacted and --because go together",
    fix: "give the reason with --because TEXT, or leave both out",
    cause: "The reason is kept in the sample and in the audit, for whoever asks later.",
  },
  "sample.plain": {
    says: "--unredacted needs --recipient",
    fix: "add the public key of whoever may read it, age1…, once for each of them",
    cause: "Requests as users sent them leave the environment only encrypted.",
  },
  "sample.bad-bucket": {
    says: '"{url}" does not name a bucket',
    fix: "write s3://<bucket>/<key>",
    cause: "A bucket's name has 3 to 63 lower-case letters, digits, dots and dashes.",
  },
  "sample.bucket-folder": {
    says: '"{url}" does not name one sample',
    fix: "add its name, such as iris.sample.jsonl",
    cause: "A key that ends in / stands for everything below it.",
  },
  "sample.no-bucket-keys": {
    says: "{url}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
    fix: "set both, AWS_REGION, and for a store other than Amazon's AWS_ENDPOINT_URL",
    cause: "A bucket is opened with a key pair of its own. Pairs with a session token are not supported.",
  },
  "sample.no-output": {
    says: "no place is given for the sample",
    fix: "add -o FILE or -o s3://<bucket>/<key>, or set {variable} to s3://<bucket>/",
    cause: "Without -o, samples go into the bucket of {variable}.",
  },
  "sample.bad-range": {
    says: "--until {until} is not after --since {since}",
    fix: "give a later --until, or an earlier --since",
    cause: "A sample is of requests between the two.",
  },
  "sample.bad-stratum": {
    says: '--stratify "{given}" is not one of {known}',
    fix: "separate several by commas, such as status,size",
    cause: "Requests are grouped by the status of their answer, their path, or the size of their body.",
  },
  "sample.many-strata": {
    says: "--stratify {given} makes more than {most} strata",
    fix: "leave path out",
    cause: "Where paths hold ids, every request is a stratum of its own, so there is nothing to choose from.",
  },
  "sample.nothing-recorded": {
    says: "{name} has no request between {since} and {until} that could be in a sample{leftOut}",
    fix: "use an earlier --since",
    cause: "Only requests that were kept whole and were answered are in samples.",
    exit: 1,
  },
  "sample.too-large": {
    says: "{requests} requests make more than {most} MiB",
    fix: "choose fewer by --requests",
    cause: "A sample is put together in memory, so that nothing of it is on a disk before it is encrypted.",
  },
  "sample.with-range": {
    says: "--sample cannot be combined with a recording's name or with --since",
    fix: "leave out one or the other",
    cause: "A sample holds the requests of the time that it was exported for.",
  },
  "sample.no-project": {
    says: "{folder} has no Pulumi.yaml",
    fix: "go to the folder of the stack's files, or name another with --into",
    cause: "Samples are kept in a folder beside the stack's file, where those who work on it look for them.",
  },
  "replay.of-what": {
    says: "nothing to replay is named",
    fix: "name a recording, or give a sample by --sample FILE",
    cause: "Requests come from a recording or from a sample.",
  },
  "shell.cannot-run": {
    says: "{program} cannot be run: {reason}",
    fix: "set SHELL to one that can",
    cause: "The program of $SHELL, or the one given, is not there or may not be run.",
    exit: 1,
  },
  "truss.folder-without-config": {
    says: 'truss "{folder}" has no {configFilename}',
    fix: "give the folder that holds it",
    cause: "A truss is a folder with a config.yaml.",
  },
  "truss.no-folder": {
    says: 'truss "{folder}" is not there',
    fix: "give the folder that holds config.yaml",
    cause: "The path is taken from where the command runs.",
  },
  "signature.unreadable": {
    says: 'signature "{file}" cannot be read: {reason}',
    fix: "give the output of `menagerie truss signature`",
    cause: "The file could not be read.",
  },
  "signature.not-json": {
    says: 'signature "{file}" is not JSON',
    fix: "give the output of `menagerie truss signature`",
    cause: "A signature is the JSON that `truss signature` prints.",
  },
  "signature.wrong": {
    says: 'signature "{file}": {path}: {reason}',
    fix: "give the output of `menagerie truss signature`",
    cause: "The file is JSON, and not that of a signature.",
  },
  "truss-client.no-arguments": {
    says: "truss-client has no arguments to pass on",
    fix: "give the client's, such as `-- watch models/greeter`",
    cause: "The command runs the public client with the arguments after `--`.",
  },
  "up.stack-failed": {
    says: "the environment is up, but its stack is not as declared, see above",
    fix: "correct that and run `menagerie up` again",
    cause: "The cluster and database run, and the engine could not make everything that the stack declares.",
    exit: 1,
  },
  "up.half-a-cluster": {
    says: "--gateway-url goes with --kubeconfig",
    fix: "give both or neither",
    cause: "A cluster of your own is its API server and its gateway.",
  },
  "up.no-gateway-url": {
    says: "--kubeconfig {kubeconfig} needs --gateway-url",
    fix: "add the address of that cluster's gateway, such as http://127.0.0.1:8080",
    cause: "Predictions and `status` use the cluster's gateway, whose address Kubernetes does not tell.",
  },
  "up.no-kubeconfig": {
    says: "--kubeconfig {kubeconfig}: there is no such file",
    fix: "name the kubeconfig of your cluster",
    cause: "The path is taken from where the command runs.",
  },
  "watch.takeover": {
    says: "{about}",
    fix: "watch with --takeover to replace it",
    cause: "Starting would overwrite what somebody else saved last, and nobody can be asked.",
    exit: 3,
  },
  "watch.not-agreed": {
    says: "{about}",
    fix: "it was left as it is",
    cause: "The question whether to replace what somebody else saved last was answered with no.",
    exit: 3,
  },
  "watch.not-deployed": {
    says: "{name} is not deployed, see above",
    fix: "correct that and save again",
    cause: "The full deployment that the save needs has failed.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(commandsRefusals);
