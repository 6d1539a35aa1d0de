import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyRoles } from "../../../../src/domain/access/roles.ts";
import { ancestorsOf, elementsOf, type MarkupElement, within } from "../../../support/markupTree.ts";
import { manyModels, type PlayedConsole, playConsole, playedReads } from "../../../support/playedConsole.ts";

/** Every number of every page has a link to where it comes from, or stands beside the command that prints it. */

const pages = {
  "/environment": true,
  "/rollout/embedder": true,
  "/rollout/reranker": true,
  "/development": true,
  "/development/31": true,
  "/development/31/2/3": false,
  "/activity": false,
  "/apps": false,
  "/apps/1040": false,
  "/recorded": false,
  "/recorded/recorded_iris": true,
  "/usage": true,
  "/releases": true,
  "/shadow": true,
  "/shadow/chat/bold": true,
  "/shadow/chat/bold/pairs": true,
  "/pools": true,
} as const;

const isNumber = ({ tag, classes, text }: MarkupElement): boolean =>
  ((tag === "td" && classes.includes("number")) || classes.includes("tile-value")) && /\d/.test(text);
const isLink = ({ tag, attributes }: MarkupElement): boolean => tag === "a" && attributes.includes(' href="/');
const isCommand = ({ tag, text }: MarkupElement): boolean => tag === "code" && text.startsWith("menagerie ");
/** What a number is in: a row of a table or a figure, a card, a part of the page, the page. */
const isPart = ({ tag, classes }: MarkupElement): boolean =>
  ["section", "article", "main"].includes(tag) || classes.includes("card");

/** Whether its row has a link, or one of the parts it is in has a command that is not inside of another part. */
function isTraced(number: MarkupElement): boolean {
  const parts = [...ancestorsOf(number)];
  const row = parts.find(({ tag }) => tag === "tr") ?? number;
  if ([...within(row)].some(isLink)) return true;
  return parts
    .filter(isPart)
    .some((part) => [...within(part)].some((each) => isCommand(each) && partOf(each) === part));
}

const partOf = (element: MarkupElement): MarkupElement | undefined => [...ancestorsOf(element)].find(isPart);

describe.each(keyRoles)("for %s", (role) => {
  let served: PlayedConsole;
  beforeAll(async () => {
    served = await playConsole(playedReads(), { role });
  });
  afterAll(() => served.stop());

  it.each(Object.entries(pages))("%s says where its numbers come from", async (path, hasNumbers) => {
    const answer = await fetch(served.url + path, { headers: { cookie: served.cookie } });
    if (role === "viewer" && /pairs$|\/3$/.test(path)) return expect(answer.status).toBe(403);
    expect(answer.status).toBe(200);
    const numbers = elementsOf(await answer.text()).filter(isNumber);
    expect(numbers.length > 0).toBe(hasNumbers);
    expect(numbers.filter((each) => !isTraced(each)).map(({ text, parent }) => [text, parent?.text])).toEqual([]);
  });
});

it("is so at a thousand models", async () => {
  const served = await playConsole(manyModels(1_000));
  try {
    for (const path of ["/environment?page=9", "/rollout/model-0999"]) {
      const answer = await fetch(served.url + path, { headers: { cookie: served.cookie } });
      const numbers = elementsOf(await answer.text()).filter(isNumber);
      expect([path, numbers.length > 0, numbers.every(isTraced)]).toEqual([path, true, true]);
    }
  } finally {
    await served.stop();
  }
});

it("finds a number that comes from nowhere", () => {
  const page = (more: string) =>
    elementsOf(
      `<main><section><table><tr><td class="number">3</td></tr></table>${more}</section><section><code>menagerie status</code></section></main>`,
    );
  const number = (more: string) => page(more).find(isNumber) as MarkupElement;
  expect(isTraced(number(""))).toBe(false);
  expect(isTraced(number("<p><code>menagerie usage</code></p>"))).toBe(true);
});
