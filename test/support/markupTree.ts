/** An element of a page, as far as tests read it. */
export interface MarkupElement {
  readonly tag: string;
  readonly classes: readonly string[];
  /** As they are written, such as ` href="/apps"`. */
  readonly attributes: string;
  readonly parent: MarkupElement | undefined;
  readonly children: MarkupElement[];
  /** Its own text and that of all elements in it. */
  text: string;
}

const withoutEnd = new Set(["meta", "link", "input", "br", "hr", "img", "!doctype"]);

/**
 * The elements of a page that was made by `html`, which closes what it opens.
 * @throws Error where an element is closed that is not open
 */
export function elementsOf(page: string): MarkupElement[] {
  const all: MarkupElement[] = [];
  let open: MarkupElement | undefined;
  for (const [, end, tag = "", attributes = "", text = ""] of page.matchAll(
    /<(\/?)([a-z!][\w]*)((?:"[^"]*"|[^">])*)>([^<]*)/gi,
  )) {
    if (end) {
      if (open?.tag !== tag) throw new Error(`</${tag}> closes <${open?.tag}>`);
      open = open.parent;
    } else {
      const classes = /\sclass="([^"]*)"/.exec(attributes)?.[1]?.split(" ") ?? [];
      const element: MarkupElement = { tag, classes, attributes, parent: open, children: [], text: "" };
      open?.children.push(element);
      all.push(element);
      if (!withoutEnd.has(tag.toLowerCase()) && !attributes.endsWith("/")) open = element;
    }
    for (let each = open; each; each = each.parent) each.text += text;
  }
  return all;
}

/** The element itself, what it is in, and so on up to the page. */
export function* ancestorsOf(element: MarkupElement): Generator<MarkupElement> {
  for (let each: MarkupElement | undefined = element; each; each = each.parent) yield each;
}

/** The elements in one, itself first. */
export function* within(element: MarkupElement): Generator<MarkupElement> {
  yield element;
  for (const child of element.children) yield* within(child);
}
