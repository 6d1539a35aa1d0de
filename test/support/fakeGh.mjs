#!/usr/bin/env node
// The comments of a pull request in the file FAKE_COMMENTS, asked and changed as by `gh api` of GitHub's CLI; in FAKE_PULLS the pull
// requests of its branch, with the events of each.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const { FAKE_COMMENTS = "", FAKE_PULLS, GH_TOKEN } = process.env;
const [command, ...args] = process.argv.slice(2);
/** @param {string} flag */
const argumentAfter = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined) ?? "";
const path = args.find((arg) => arg.startsWith("repos/")) ?? "";
const method = argumentAfter("-X") || "GET";
/** @type {{ number: number, base: { ref: string }, events: { event: string }[] }[]} */
const pulls = FAKE_PULLS ? JSON.parse(readFileSync(FAKE_PULLS, "utf8")) : [];
/** @type {{ id: number, user: { type: string }, body: string }[]} */
const comments = JSON.parse(readFileSync(FAKE_COMMENTS, "utf8"));

/** @param {string} message */
function fail(message) {
  process.stderr.write(`gh: ${message}\n`);
  process.exit(1);
}

if (command !== "api" || !GH_TOKEN) fail("not signed in");
const list = /^repos\/acme\/models\/issues\/7\/comments$/.test(path);
const [, one] = /^repos\/acme\/models\/issues\/comments\/(\d+)$/.exec(path) ?? [];
const [, numbered] = /^repos\/acme\/models\/issues\/(\d+)\/events$/.exec(path) ?? [];
if (method === "GET" && list) show(comments);
if (method === "GET" && numbered) show(pulls.find(({ number }) => number === Number(numbered))?.events);
if (method === "GET" && path === "repos/acme/models/pulls") {
  if (!args.includes("state=all") || !args.includes("head=acme:change")) fail("of other pull requests");
  show(pulls.map(({ number, base }) => ({ number, base })));
}
const body = readFileSync(argumentAfter("-F").replace(/^body=@/, ""), "utf8");
if ([...body].length > 65_536) fail("Validation Failed (HTTP 422): body is too long (maximum is 65536 characters)");
if (method === "POST" && list) comments.push({ id: comments.length + 100, user: { type: "Bot" }, body });
else if (method === "PATCH" && one) edit(Number(one));
else fail(`Not Found (HTTP 404): ${method} ${path}`);
writeFileSync(FAKE_COMMENTS, JSON.stringify(comments));

/** @param {unknown} found */
function show(found) {
  const { status, stdout, stderr } = spawnSync("jq", ["-r", argumentAfter("--jq")], { input: JSON.stringify(found) });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exit(status ?? 1);
}

/** @param {number} id */
function edit(id) {
  const found = comments.find((comment) => comment.id === id);
  if (!found) return fail(`Not Found (HTTP 404): ${path}`);
  found.body = body;
}
