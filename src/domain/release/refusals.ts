import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What is refused of releases' tags and of what is recorded of them. */
export const releaseRefusals = {
  "release.tag-taken": {
    says: "menagerie:versioning.code: release {tag} is in the record with other models ({changes})",
    fix: "{change}",
    cause: "A tag stands for one combination of code and models, for ever.",
  },
  "release.config-not-recorded": {
    says: 'release "{tag}" was recorded without menagerie:zoo, because that held a secret',
    fix: "put it back by hand",
    cause: "Configs that hold a secret in the clear are not recorded.",
  },
  "release.tag-not-usable": {
    says: "release {tag} {problem}",
    fix: "{fix}",
    cause: "The state's schema has the tag as its name.",
  },
  "release.tag-too-long": {
    says: "release tag {text}… has {count} characters, and at most {longestTag} are possible",
    fix: "use the scheme deployment-manager, whose tags name no models",
    cause: "Tags are names in PostgreSQL, Kubernetes and Git.",
  },
  "release.model-name": {
    says: "model {name} {problem}",
    fix: "{fix}",
    cause: "Combined tags are taken apart again, so a model's name may not look like a version.",
  },
  "release.not-a-number": {
    says: "{what} {value} is not a whole number from 1 to 999999999",
    fix: "",
    cause: "Numbers in tags count from 1.",
  },
  "release.code-version": {
    says: "code version {text} is not a version",
    fix: "write it as <major>.<minor>.<patch>, such as 1.2.3",
    cause: "The code's version is a semantic version without pre-release and build parts.",
  },
  "release.model-twice": {
    says: "model {name} is in the release twice",
    fix: "remove one of the two",
    cause: "A release has one version of each model.",
  },
  "release.tag-unreadable": {
    says: "release tag {text}: {reason}",
    fix: "",
    cause: "Each scheme of tags has one way to write them.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(releaseRefusals);
