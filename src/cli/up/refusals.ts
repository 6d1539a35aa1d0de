import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What `up` and `destroy` of a stack refuse to do, or could not do. */
export const upRefusals = {
  "destroy.other-name": {
    says: '--yes {yes} does not name stack "{stack}", which this destroys',
    fix: "repeat that name to agree to it",
    cause: "The stack's name is the yes to deleting everything in it.",
  },
  "agree.unknown-name": {
    says: "--yes-delete {unknown}: nothing with this name would be deleted",
    fix: "the preview deletes {names}",
    cause: "A name that nothing in the list has was mistyped, or is of another preview.",
  },
  "agree.list-grew": {
    says: "--agreed {agreed}: the list above has more than what was agreed to, and nothing was done",
    fix: "review it, then use --agreed {now}",
    cause: "Since the review, the files, the stack or the cluster changed, so that the run would delete more.",
    exit: 3,
  },
  "agree.nobody-to-ask": {
    says: "what serves or stores would be deleted or replaced, and nothing was done",
    fix: "add --yes-delete {names}, or --agreed {now}",
    cause: "Without a terminal nobody can be asked, so the yes has to be on the command line.",
    exit: 3,
  },
  "agree.said-no": {
    says: "not agreed to, and nothing was done",
    fix: "",
    cause: "The question whether to delete what is listed was answered with no.",
    exit: 3,
  },
  "agree.changed-meanwhile": {
    says: "by now more would be deleted than what you agreed to, see above, and nothing was done",
    fix: "run the command again",
    cause: "While the question was open, somebody deployed or the cluster changed.",
    exit: 3,
  },
  "destroy.held": {
    says: 'stack "{stack}" cannot be destroyed yet, and nothing was deleted:\n  {held}',
    fix: "",
    cause: "Each line names what would have stopped the engine halfway, and what to do about it.",
    exit: 3,
  },
  "destroy.nobody-to-ask": {
    says: "nothing was deleted",
    fix: "to agree to deleting all of this, add --yes {stack}",
    cause: "Without a terminal nobody can be asked, so the yes has to be on the command line.",
    exit: 3,
  },
  "destroy.said-no": {
    says: "not agreed to, and nothing was deleted",
    fix: "",
    cause: "Something else than the stack's name was typed.",
    exit: 3,
  },
  "destroy.changed-meanwhile": {
    says: 'stack "{stack}" has changed meanwhile, and nothing was deleted',
    fix: "run the command again",
    cause: "While the question was open, somebody deployed or protected something.",
    exit: 3,
  },
  "state.unreadable": {
    says: "the stack's state cannot be read: {reason}",
    fix: "",
    cause: "The engine could not read the stack's state from its backend.",
    exit: 1,
  },
  "up.not-as-declared": {
    says: 'stack "{stack}" is not as declared, see above',
    fix: "correct that and run the same again",
    cause: "The engine could not make everything that the stack declares.",
    exit: 1,
  },
  "up.no-pulumi": {
    says: "pulumi cannot be run ({reason})",
    fix: "install the Pulumi CLI and log in to the stack's backend",
    cause: "Stacks of your own run by your own Pulumi CLI, which knows their backend.",
    exit: 1,
  },
  "preview.conflict": {
    says: "nothing was changed: what this changes was last written by somebody else, see above",
    fix: "`menagerie drift` shows by whom, and `menagerie drift --restore` takes it back, then run the same again",
    cause:
      "Who writes a field with Kubernetes holds it, and the API server refuses everybody else's change. After a bare `pulumi refresh` such an edit also counts as declared.",
    exit: 1,
  },
  "preview.failed": {
    says: "nothing was changed: the stack cannot be brought to what it declares, see above",
    fix: "",
    cause: "The preview that comes before every run was refused.",
    exit: 1,
  },
  "refresh.failed": {
    says: "the stack's state could not be refreshed: {reason}",
    fix: "",
    cause: "Before objects are made again, the engine reads what the cluster has.",
    exit: 1,
  },
  "serving.not-all": {
    says: "{stack} is deployed, but not everything in it answers:\n{told}\n`menagerie drift` shows changes made by hand",
    fix: "",
    cause: "Everything was deployed; these models or routes did not answer within the time that they are given.",
    exit: 1,
  },
  "serving.not-checked": {
    says: "whether everything that is deployed answers could not be checked within {longest} s: {reason}",
    fix: "",
    cause: "The cluster answered too slowly to say whether models are ready.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(upRefusals);
