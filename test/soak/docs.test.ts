import { rm } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { Walk } from "../support/walk/walk.ts";
import { walked } from "../support/walk/walked.ts";

/** The examples of the docs, followed in order, each page from an empty environment to its end. */

let walk: Walk | undefined;
let home: TestHome | undefined;

afterEach(async () => {
  await walk?.end();
  await home?.dispose();
  if (home) await rm(home.project, { recursive: true, force: true });
});

test.each(walked)("%s does and prints what it says", async (page) => {
  home = await TestHome.create(await copyOfCheckout());
  walk = new Walk(home, page);
  const differences = await walk.follow();
  console.log(differences.join("\n"));
  expect(differences.length).toBe(0);
});
