import type { RefusalEntry } from "./entry.ts";

/** The file of a stack and its keys, each by itself. */
export const stackFileRefusals = {
  "file.declares-nothing": {
    says: "declares nothing, which would remove everything that the stack has",
    fix: 'write its keys below "config:", or remove the environment with `{removal}`',
    cause: "An empty file, or one that is not there, reads as an environment without anything in it.",
  },
  "file.unreadable": {
    says: "the stack file {path} cannot be read ({reason})",
    fix: "name it by its absolute path",
    cause: "The file that `--config-file` names is not where the program looks for it.",
  },
  "file.encoding": {
    says: "is {encoding}",
    fix: "save it as UTF-8",
    cause: "YAML files of a stack are read as UTF-8 text, by the engine as well.",
  },
  "file.yaml": {
    says: "is not valid YAML: {problem}",
    fix: "{fix}",
    cause: "The file does not parse; line and column say where.",
  },
  "file.tag": {
    says: "the tag {tag} is not allowed",
    fix: "write plain text, numbers, mappings and lists",
    cause: "Values reach the program as JSON, which has nothing for this tag.",
  },
  "file.alias-cycle": {
    says: "*{alias} is inside the value that it refers to",
    fix: "write the value out",
    cause: "An alias of YAML may not contain itself.",
  },
  "file.alias-unknown": {
    says: "*{alias} refers to no anchor",
    fix: "write &{alias} where the value is, or write the value out",
    cause: "An alias of YAML repeats the value of an anchor, which has to come before it.",
  },
  "file.aliases-too-large": {
    says: "cannot be read ({reason})",
    fix: "write the values out",
    cause: "Aliases within aliases would grow without bound.",
  },
  "file.not-a-mapping": {
    says: "the file is {kind}",
    fix: 'write "config:" with the keys below it',
    cause: "A stack file is a mapping with the key `config`.",
  },
  "file.key-unknown": {
    says: "unknown key",
    fix: "{change}",
    cause:
      "The engine ignores what it does not know at the top of the file, so that a typo there would declare an empty environment.",
  },
  "file.key-misplaced": {
    says: "is a config key at the top of the file",
    fix: 'indent it below "config:"',
    cause: "The engine passes on only what is below `config`.",
  },
  "config.not-a-mapping": {
    says: "{problem}",
    fix: 'write the keys below it, such as "menagerie:zoo:"',
    cause: "`config` is a mapping from keys to values.",
  },
  "config.not-a-key": {
    says: "{written} is not a config key",
    fix: "write <namespace>:<name>, such as menagerie:zoo",
    cause: "The engine reads keys as `<namespace>:<name>`, or as a name of this project's namespace.",
  },
  "config.namespace-unknown": {
    says: "unknown namespace",
    fix: "{change}",
    cause: "Only this project's namespace, those of its providers, and `pulumi` are read by anything.",
  },
  "config.written-twice": {
    says: "is declared twice, as {first} and {second}",
    fix: "remove one of the two",
    cause: "With and without its namespace it is the same key.",
  },
  "config.no-value": {
    says: "has no value",
    fix: "give one, or remove the key",
    cause: "A key without a value is neither its default nor anything else.",
  },
  "config.inherited-name": {
    says: "{name} cannot be used as a name",
    fix: "choose another",
    cause: "Every JavaScript object has this name already, so that a mapping cannot be asked for it.",
  },
  "key.unknown": {
    says: "unknown key",
    fix: "{change}",
    cause: "Config is strict: a mistyped key would otherwise count as left out.",
  },
  "value.missing": { says: "missing", fix: "{expected}", cause: "The key has no default." },
  "value.none": { says: "has no value", fix: "{expected}", cause: "The key is there, with nothing behind it." },
  "value.wrong": {
    says: "{problem}",
    fix: "{expected}",
    cause: "The value is not one that the key takes; `config.schema.json` describes each.",
  },
  "value.bad-name": {
    says: "{problem}",
    fix: "{expected}",
    cause: "Names become names in Kubernetes, DNS or PostgreSQL, which take these characters only.",
  },
  "services.rate-limit-without-effect": {
    says: "has no effect any more",
    fix: "remove it, and set limits by `menagerie key limits` or `menagerie organization limits`",
    cause: "A warning. It limited each key in each pod; limits of keys and organizations hold over all pods.",
  },
  "secret.in-the-clear": {
    says: "holds {what} in the clear",
    fix: "{change}",
    cause: "Whoever can read the file, or its history, has the secret.",
  },
  "secret.undecryptable": {
    says: "its encrypted value cannot be decrypted",
    fix: "{remove}, or set it again with `pulumi config set --secret{path}`",
    cause:
      "It was encrypted with another key than the stack's, or was edited. The engine runs nothing while one value cannot be opened.",
  },
} as const satisfies Record<string, RefusalEntry>;
