import { describe, expect, it } from "vitest";
import { releaseDifferencePage, releasesPage } from "../../../../src/domain/console/releasesPage.ts";
import { timelinePage } from "../../../../src/domain/release/timeline/page.ts";
import { exampleDeployments } from "../../../support/pages.ts";

describe("the releases that the console shows, and those of a file", () => {
  const { ranges, now } = exampleDeployments;
  const shown = releasesPage(ranges, { suffix: "" }, new Date(now)).markup;
  const file = timelinePage(ranges, now);
  const tables = (page: string) =>
    page.replaceAll(/<a href="[^"]*">diff<\/a> /g, "").match(/<table>[\s\S]*?<\/table>/g);

  it("are the same, with the same changes and commands", () => {
    expect(tables(shown)).toHaveLength(2);
    expect(tables(file)).toEqual(tables(shown));
    for (const page of [shown, file]) {
      expect(page).toContain("staging runs release-3-rc.2, prod runs release-2.");
      expect(page).toContain("<div>embedder: 2 → 1</div>");
      expect(page).toContain("<code>menagerie restore release-1 -s prod</code>");
      expect(page).toContain("<code>menagerie releases diff 7 8 -s prod</code>");
      expect(page).toContain("↩ brought back");
      expect(page).toContain("not as intended: embedder: v1 instead of v2");
    }
    // A release that did not come to what was intended is nothing to go back to, and the current one is there.
    expect(shown).not.toContain("menagerie restore release-3-rc.1 ");
    expect(shown).not.toContain("menagerie restore release-3-rc.2 ");
  });

  it("lead to how any two differ where somebody answers: a file has the command alone", () => {
    expect(shown).toContain('<a href="/releases/diff?stack=prod&#38;from=7&#38;to=8">diff</a>');
    expect(shown.match(/<option /g)).toHaveLength(16);
    expect(file).not.toMatch(/<a |<form/);
  });

  it("differ in models that stayed as they are: a file's picture has them too", () => {
    const lanes = (page: string) => [...page.matchAll(/class="name model"[^>]*>([^<]*)</g)].map(([, name]) => name);
    expect(lanes(file)).toEqual(["embedder", "iris", "reranker", "embedder", "iris", "reranker"]);
    expect(lanes(shown)).toEqual(["embedder", "reranker", "embedder", "reranker"]);
  });

  it("say how many models are left out, with the oldest alone", () => {
    const shortened = ranges.map((range) => ({ ...range, alike: 990 }));
    const { markup } = releasesPage(shortened, { suffix: "" }, new Date(now));
    // Of two environments.
    expect(markup.match(/990 models that no later one changed/g)).toHaveLength(2);
    expect(shown).not.toContain("that no later one changed");
  });

  it("are as many as the console has room for, and all in a file's picture", () => {
    const [first] = ranges;
    if (!first) throw new Error("there are examples");
    const day = 86_400_000;
    const many = Array.from({ length: 60 }, (_, place) => ({
      ...first,
      id: String(place + 1),
      tag: `release-${place + 1}`,
      models: first.models.map((model) => ({ ...model, version: place + 1 })),
      since: new Date(now - (60 - place) * day),
      until: place === 59 ? null : new Date(now - (59 - place) * day),
    }));
    const rows = (page: string) => page.match(/<th scope="row"/g)?.length;
    expect(rows(releasesPage(many, { suffix: "" }, new Date(now)).markup)).toBe(25);
    const whole = timelinePage(many, now);
    expect(rows(whole)).toBe(50);
    expect(whole).toContain("and 10 before them");
    expect(whole.match(/<g class="release /g)).toHaveLength(60);
  });
});

describe("how two deployments differ", () => {
  const { ranges } = exampleDeployments;
  const [before, after] = [ranges[6], ranges[7]].map((range) => ({
    ...(range as NonNullable<typeof range>),
    config: {},
  }));
  if (!before || !after) throw new Error("there are examples");

  it("is of what was served and of the config, as the command prints both", () => {
    const config = (phase: string) => ({ zoo: { iris: { phase } } });
    const { markup } = releaseDifferencePage(
      { ...before, config: config("bake") },
      { ...after, config: config("done") },
      { suffix: " -e second" },
    );
    expect(markup).toContain("<h1>release-3 → release-2</h1>");
    expect(markup).toContain("<li>embedder: 2 → 1</li>");
    expect(markup).toContain("menagerie:zoo.iris.phase</th>");
    expect(markup).toContain("<code>menagerie releases diff 7 8 -s prod -e second</code>");
    expect(markup).toContain("<code>menagerie restore release-3 -s prod</code>");
  });

  it("is nothing for the same one", () => {
    const { markup } = releaseDifferencePage(after, after, { suffix: "" });
    expect(markup).toContain("The same combination.");
    expect(markup).toContain("It says the same.");
  });
});
