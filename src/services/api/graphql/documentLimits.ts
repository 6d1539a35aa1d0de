import { type DocumentNode, Kind, visit } from "graphql";

/** Tokens of a document at most; the truss client's have some 200. */
export const mostTokens = 1_000;
const deepest = 8;
const mostFields = 200;

/** What is too much about a document; undefined for one that may be executed. */
export function documentIssue(document: DocumentNode): string | undefined {
  let [depth, reached, fields, hasFragments] = [0, 0, 0, false];
  visit(document, {
    enter(node) {
      if (node.kind === Kind.FIELD) fields += 1;
      if (node.kind === Kind.FRAGMENT_SPREAD) hasFragments = true;
      if (node.kind === Kind.SELECTION_SET) {
        depth += 1;
        reached = Math.max(reached, depth);
      }
    },
    leave(node) {
      if (node.kind === Kind.SELECTION_SET) depth -= 1;
    },
  });
  if (reached > deepest) return `the document is ${reached} deep; at most ${deepest}`;
  if (fields > mostFields) return `the document selects ${fields} fields; at most ${mostFields}`;
  // A fragment in a fragment is deeper than it looks.
  if (hasFragments && !isIntrospection(document)) return "fragments are not taken; write their fields out";
  return undefined;
}

/** The question that tools put to learn the schema uses fragments. */
function isIntrospection({ definitions }: DocumentNode): boolean {
  return definitions.every(
    (definition) =>
      definition.kind !== Kind.OPERATION_DEFINITION ||
      definition.selectionSet.selections.every(
        (selection) => selection.kind === Kind.FIELD && selection.name.value === "__schema",
      ),
  );
}
