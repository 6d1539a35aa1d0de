import { carriesSecret } from "../recording/storedHeaders.ts";
import { parseFieldPath } from "../shadow/fieldPath.ts";
import { textPattern } from "./patterns.ts";
import { type RedactionRule, ruleKeys, valueKinds } from "./rules.ts";

/** What is wrong with a rule, and what to write instead; undefined for one that can be followed. */
export function ruleProblem(rule: RedactionRule): { readonly problem: string; readonly fix: string } | undefined {
  const given = ruleKeys.filter((key) => rule[key] !== undefined);
  const [key] = given;
  if (key === undefined || given.length > 1) {
    return {
      problem: given.length === 0 ? "says nothing" : `says ${given.join(" and ")} at once`,
      fix: `write one of ${ruleKeys.join(", ")} in each entry, such as {path: "messages[*].content"}`,
    };
  }
  const value = rule[key] ?? "";
  const quoted = JSON.stringify(value);
  switch (key) {
    case "path":
      if (parseFieldPath(value)) return undefined;
      return { problem: `${quoted} is not a path`, fix: "write one such as messages[*].content" };
    case "pattern":
      if (textPattern(value)) return undefined;
      return {
        problem: `${quoted} is not a regular expression of RE2, or matches an empty text`,
        fix: "write one without back references and look-around, such as \\bC-[0-9]{8}\\b",
      };
    case "kind":
      if ((valueKinds as readonly string[]).includes(value)) return undefined;
      return { problem: `${quoted} is not a kind of value`, fix: `use ${valueKinds.join(", ")}` };
    case "query":
      if (/^[^\s&=#]+$/.test(value)) return undefined;
      return {
        problem: `${quoted} is not the name of a query parameter`,
        fix: "write it as it stands in the URL, decoded",
      };
    case "header":
      if (!/^[a-z0-9][a-z0-9-]*$/.test(value)) {
        return { problem: `${quoted} is not a header's name`, fix: "write it in lower case, such as x-tenant" };
      }
      if (!carriesSecret(value)) return undefined;
      return { problem: `${quoted} is never stored, whatever the settings say`, fix: "remove the entry" };
  }
}
