import { rm } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { commitAll, gitIn } from "../support/gitRepository.ts";
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

/** The checkout's files as they are now, in a repository of their own with one commit. */
async function clone(): Promise<string> {
  const folder = await copyOfCheckout();
  await gitIn(folder, "init", "-q", "-b", "main");
  await gitIn(folder, "config", "user.name", "Ada");
  await gitIn(folder, "config", "user.email", "ada@example.com");
  await commitAll(folder);
  return folder;
}

test.each(walked)("%s does and prints what it says", async (page) => {
  home = await TestHome.create(await clone());
  walk = new Walk(home, page);
  const differences = await walk.follow();
  console.log(differences.join("\n"));
  expect(differences.length).toBe(0);
});
