type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

const part = String.raw`[A-Za-z0-9](?:[\w./-]*[A-Za-z0-9])?`;
const value = String.raw`(?:[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)?`;
const equality = new RegExp(`^(${part})\\s*(==?|!=)\\s*(${value})$`);
const membership = new RegExp(`^(${part})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const existence = new RegExp(`^(!?)\\s*(${part})$`);

/**
 * A label selector as requests carry it, such as `app=isvc.iris,tier in (a, b),!canary`
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api). Undefined for what is none.
 */
export function parseSelector(text: string): Requirement | undefined {
  // Commas in parentheses are between values.
  const parts = text.trim() === "" ? [] : text.split(/,(?![^(]*\))/).map((each) => requirement(each.trim()));
  if (parts.some((each) => each === undefined)) return undefined;
  return (labels) => parts.every((each) => each?.(labels));
}

function requirement(text: string): Requirement | undefined {
  const [, key = "", sign, wanted = ""] = equality.exec(text) ?? [];
  if (sign !== undefined) return (labels) => (labels[key] === wanted) !== (sign === "!=");
  const [, name = "", word, listed = ""] = membership.exec(text) ?? [];
  if (word !== undefined) {
    const values = listed.split(",").map((each) => each.trim());
    return (labels) => (labels[name] !== undefined && values.includes(labels[name])) !== (word === "notin");
  }
  const [, not, present] = existence.exec(text) ?? [];
  if (present === undefined) return undefined;
  return (labels) => (labels[present] !== undefined) !== (not === "!");
}
