import type { ComparedPairs } from "../../src/domain/console/ports.ts";
import type { DeploymentRange } from "../../src/domain/release/record.ts";
import { timelinePage } from "../../src/domain/release/timeline/page.ts";
import { Comparison } from "../../src/domain/shadow/comparison.ts";
import type { Conversation } from "../../src/domain/shadow/conversation/conversation.ts";
import { comparedSubject, type DeployedShadow } from "../../src/domain/shadow/deployed.ts";
import { evidenceOf } from "../../src/domain/shadow/evidence.ts";
import { reportPage } from "../../src/domain/shadow/report/page.ts";
import { reportSubject } from "../../src/domain/shadow/report/sections.ts";
import { byAnUp } from "./deploymentRange.ts";

const day = 24 * 3600 * 1000;
const begin = Date.UTC(2026, 10, 1, 9);

/** One closed deployment, from a day to a day after the first; null for the current one. */
function deployment(
  id: number,
  environment: string,
  tag: string,
  [from, until]: readonly [number, number | null],
  versions: Readonly<Record<string, number>>,
  more: Partial<DeploymentRange> = {},
): DeploymentRange {
  return {
    id: String(id),
    environment,
    tag,
    ...byAnUp,
    code: "1.3.0",
    models: Object.entries(versions).map(([name, version]) => ({
      name,
      version,
      hash: `${name}${version}`.padEnd(64, "0"),
      digest: null,
      source: "zoo",
      service: `${name}-v${version}`,
    })),
    since: new Date(begin + from * day),
    until: until === null ? null : new Date(begin + until * day),
    stateSchema: tag,
    ...more,
  };
}

const mixed = { outcome: "mixed", reason: "embedder: v1 instead of v2" } as const;
const promoted = (tag: string) => ({ promotedFrom: `staging/${tag}`, requestedBy: "ci@runner" });

/** Deployments of two environments, with a release that came back, one that went wrong and promotions. */
export const exampleDeployments = {
  ranges: [
    deployment(1, "staging", "release-1-rc.1", [0, 2], { embedder: 1, iris: 1, reranker: 1 }),
    deployment(2, "staging", "release-2-rc.1", [2, 5.5], { embedder: 1, iris: 1, reranker: 2 }),
    deployment(3, "staging", "release-3-rc.1", [5.5, 6], { embedder: 1, iris: 1, reranker: 2 }, mixed),
    deployment(4, "staging", "release-3-rc.2", [6, null], { embedder: 2, iris: 1, reranker: 2 }),
    deployment(5, "prod", "release-1", [1.5, 6], { embedder: 1, iris: 1, reranker: 1 }, promoted("release-1-rc.1")),
    deployment(6, "prod", "release-2", [6, 10], { embedder: 1, iris: 1, reranker: 2 }, promoted("release-2-rc.1")),
    deployment(7, "prod", "release-3", [10, 10.3], { embedder: 2, iris: 1, reranker: 2 }, promoted("release-3-rc.2")),
    deployment(8, "prod", "release-2", [10.3, null], { embedder: 1, iris: 1, reranker: 2 }),
  ],
  now: begin + 14 * day,
};

/** Their timeline. */
export function exampleTimeline(): string {
  return timelinePage(exampleDeployments.ranges, exampleDeployments.now);
}

/** A report of 400 pairs, of which some differ. */
export function exampleReport(): string {
  const gate = { minPairs: 100, maxMismatch: 0.05, confidence: 0.95, minCompleteness: 0.9 };
  const rules = { tolerance: { relative: 0.001 }, ignore: ["took"] };
  const comparison = new Comparison();
  for (let pair = 0; pair < 400; pair += 1) {
    const answer = (json: unknown, latencyMs: number) => ({ status: 200, failure: null, latencyMs, body: { json } });
    const score = 0.3 + (pair % 60) / 100;
    comparison.add({
      requestId: `3f2a9c40-0000-4000-8000-${String(pair).padStart(12, "0")}`,
      at: begin + pair * 30_000,
      primary: answer({ label: "setosa", score }, 12 + (pair % 9)),
      shadow: answer(
        pair % 11 === 0 ? { label: "virginica", score: score * 1.25 } : { label: "setosa", score },
        16 + (pair % 13),
      ),
      sameBody: false,
    });
  }
  const counts = { primary: 402, shadow: 401, paired: 400, pending: 1, unpaired: 0, lostByRecorders: 1 };
  const result = comparison.result(counts, 100);
  const subject = {
    deployment: "iris-next",
    primary: { name: "iris-next-primary", version: "9ac73cd151c3" },
    shadow: { name: "iris-next-candidate", version: "73b00a83b41c" },
    rules,
    gate,
  };
  return reportPage(reportSubject(subject, evidenceOf(subject, result), new Date(begin + day)), result);
}

const otter =
  "The otter lives in rivers, lakes and along the coast. It eats fish, crabs and frogs, and it hunts mostly at night. Its fur is so dense that the water does not reach the skin.";
const seaOtter =
  "A sea otter eats sea urchins, crabs along the coast of the northern Pacific. It floats on its mother for about a den in the bank of a river, and it hunts mostly at night.";

/** Chats in streams, of which most differ, some fail and some are sampled. */
export function exampleChats(): ComparedPairs {
  const comparison = new Comparison();
  const said = (content: string, firstTokenMs: number, latencyMs: number) => ({
    status: 200,
    failure: null,
    latencyMs,
    firstTokenMs,
    completionTokens: 40,
    body: { json: { choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }] } },
  });
  for (let pair = 0; pair < 60; pair += 1) {
    const primary = said(`${otter} ${pair}`, 28 + (pair % 7), 900 + pair);
    const shadow = said(pair % 3 === 0 ? seaOtter : `${otter} ${pair}`, 33 + (pair % 11), 700 + 3 * pair);
    const open = comparison.add({
      requestId: `chatcmpl-${"0123456789abcdef".repeat(2)}-${pair}`,
      at: begin + pair * 30_000,
      operation: "chat",
      isSampled: pair % 4 === 1,
      primary,
      shadow: pair % 20 === 3 ? { ...shadow, status: 500, failure: null } : shadow,
      sameBody: false,
    });
    if (open) comparison.settle(open);
  }
  const counts = { primary: 60, shadow: 60, paired: 60, pending: 0, unpaired: 0, lostByRecorders: 0 };
  return { result: comparison.result(counts, 100), conversations: exampleConversations };
}

const side = (service: string, version: string) => ({
  service,
  version,
  truss: "models/chat",
  hash: version.padEnd(64, "0"),
  schema: `shadow_${service.replaceAll("-", "_")}`,
});

/** The shadow deployment that {@link exampleChats} are of. */
export const exampleDeployment: DeployedShadow = {
  url: "http://127.0.0.1:8080/serving/models/chat/v1/chat/completions",
  percent: 100,
  primary: side("chat-primary", "698f3323e840"),
  shadows: { bold: side("chat-bold", "cc895171ecdc") },
  noise: null,
  redact: [],
  compare: { texts: { "choices[*].message.content": { as: "normalized" } } },
  gate: { minPairs: 100, maxMismatch: 0.05, confidence: 0.95, minCompleteness: 0.9 },
};

/** Their report. */
export function exampleChatReport(): string {
  const { result, conversations } = exampleChats();
  const subject = comparedSubject("chat", exampleDeployment, "bold");
  return reportPage(reportSubject(subject, evidenceOf(subject, result), new Date(begin + day)), result, conversations);
}

const content = "choices[0].message.content";
const longWord = "https://example.com/a/very/long/path/without/any/place/to/break/it/0123456789abcdef0123456789abcdef";
const exampleConversations: readonly Conversation[] = [
  {
    requestId: "chatcmpl-0123456789abcdef0123456789abcdef-0",
    at: begin,
    isSampled: false,
    asked: [
      { who: "system", text: "Answer in two sentences. Never guess." },
      { who: "user", text: "What does an otter eat?" },
    ],
    primary: { turns: [{ who: content, text: otter }] },
    shadow: { turns: [{ who: content, text: seaOtter }] },
  },
  {
    requestId: "chatcmpl-0123456789abcdef0123456789abcdef-7",
    at: begin + 60_000,
    isSampled: true,
    asked: [{ who: "user", text: `Read ${longWord} and say what the weather is. ${"It may be long. ".repeat(80)}` }],
    primary: {
      turns: [
        { who: content, text: `I read ${longWord} for you.` },
        { who: "choices[0].message.tool_calls[0].function.arguments", text: '{"city": "Paris", "unit": "C"}' },
      ],
    },
    shadow: {
      turns: [
        { who: content, text: `I have read ${longWord}.\n\n${otter} ${"All of this is the same. ".repeat(60)}` },
        { who: "choices[0].message.tool_calls[0].function.arguments", text: '{"city": "Lyon", "unit": "C"}' },
      ],
    },
  },
  {
    requestId: "r-9",
    at: begin + 90_000,
    isSampled: false,
    asked: [{ who: "user", text: "שלום, מה שלומך?" }],
    primary: { turns: [{ who: content, text: "שלום עולם טוב" }] },
    shadow: { turns: [], note: "HTTP 500" },
  },
];
