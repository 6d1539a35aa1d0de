import type { Operation, OperationName } from "./operation.ts";

/** Ids and times of an answer, and what tells of the server rather than the model. */
const openAi = ["id", "created", "system_fingerprint", "service_tier"] as const;
/** What a server had in its cache is nothing that a model says. */
const cached = ["usage.prompt_tokens_details"] as const;

const openAiTokens = { prompt: "prompt_tokens", completion: "completion_tokens" } as const;
const tokensInAndOut = { prompt: "input_tokens", completion: "output_tokens" } as const;

/**
 * What models are asked, as the specifications have it: KServe's protocols v1 and v2 (https://kserve.github.io/website, "Data Plane"),
 * OpenAI's API (https://platform.openai.com/docs/api-reference) and Anthropic's (https://docs.anthropic.com/en/api/messages). Truss serves the
 * last two below `/v1/`, KServe's own runtimes OpenAI's below `/openai/v1/`.
 */
export const operations: readonly Operation[] = [
  {
    name: "predict",
    protocol: "kserve-v1",
    path: /^\/v1\/models\/[^/:]+:predict$/,
    joining: "none",
    ignored: [],
    texts: [],
    jsonTexts: [],
    floats: [],
  },
  {
    name: "explain",
    protocol: "kserve-v1",
    path: /^\/v1\/models\/[^/:]+:explain$/,
    joining: "none",
    ignored: [],
    texts: [],
    jsonTexts: [],
    floats: [],
  },
  {
    name: "infer",
    protocol: "kserve-v2",
    path: /^\/v2\/models\/[^/]+(?:\/versions\/[^/]+)?\/infer$/,
    joining: "none",
    ignored: ["id"],
    texts: [],
    jsonTexts: [],
    floats: [],
  },
  {
    name: "chat",
    protocol: "openai",
    path: /^(?:\/openai)?\/v1\/chat\/completions$/,
    joining: "chat",
    // Ids of tool calls are made up for each answer.
    ignored: [...openAi, ...cached, "choices[*].message.tool_calls[*].id"],
    texts: ["choices[*].message.content", "choices[*].message.reasoning_content", "choices[*].message.refusal"],
    jsonTexts: ["choices[*].message.tool_calls[*].function.arguments", "choices[*].message.function_call.arguments"],
    floats: [],
    tokens: openAiTokens,
    omittable: [
      "choices[*].logprobs",
      "choices[*].message.content",
      "choices[*].message.refusal",
      "choices[*].message.annotations",
      "choices[*].message.audio",
      "choices[*].message.tool_calls",
      "choices[*].message.function_call",
      "choices[*].message.reasoning_content",
    ],
    whereBoth: ["usage"],
    isSampled: true,
    streaming: { stream: true, stream_options: { include_usage: true } },
    said: ["messages"],
  },
  {
    name: "completions",
    protocol: "openai",
    path: /^(?:\/openai)?\/v1\/completions$/,
    joining: "completions",
    ignored: [...openAi, ...cached],
    texts: ["choices[*].text"],
    jsonTexts: [],
    floats: [],
    tokens: openAiTokens,
    omittable: ["choices[*].logprobs"],
    whereBoth: ["usage"],
    isSampled: true,
    streaming: { stream: true, stream_options: { include_usage: true } },
    said: ["prompt"],
  },
  {
    name: "embeddings",
    protocol: "openai",
    path: /^(?:\/openai)?\/v1\/embeddings$/,
    joining: "none",
    ignored: openAi,
    texts: [],
    jsonTexts: [],
    floats: ["data[*].embedding"],
    tokens: openAiTokens,
    whereBoth: ["usage"],
  },
  {
    name: "responses",
    protocol: "openai",
    path: /^(?:\/openai)?\/v1\/responses$/,
    joining: "responses",
    ignored: [
      ...["id", "created_at", "completed_at", "output[*].id", "output[*].call_id", "service_tier"],
      "usage.input_tokens_details",
    ],
    texts: ["output[*].content[*].text", "output[*].content[*].refusal", "output[*].summary[*].text"],
    jsonTexts: ["output[*].arguments"],
    floats: [],
    tokens: tokensInAndOut,
    omittable: ["output[*].content[*].annotations", "output[*].content[*].logprobs"],
    whereBoth: ["usage"],
    isSampled: true,
    streaming: { stream: true },
    said: ["instructions", "input"],
  },
  {
    name: "messages",
    protocol: "anthropic",
    path: /^\/v1\/messages$/,
    joining: "messages",
    // A signature proves where a thought came from, and is another each time.
    ignored: ["id", "content[*].id", "content[*].signature", "usage.service_tier"],
    texts: ["content[*].text", "content[*].thinking"],
    jsonTexts: [],
    floats: [],
    tokens: tokensInAndOut,
    omittable: ["content[*].citations", "stop_sequence"],
    whereBoth: [
      ...["usage.cache_creation_input_tokens", "usage.cache_read_input_tokens", "usage.cache_creation"],
      "usage.server_tool_use",
    ],
    isSampled: true,
    streaming: { stream: true },
    said: ["system", "messages"],
  },
];

/** A model's own paths, which it declares as `paths`. */
export const ownOperation: Operation = {
  name: "own",
  protocol: "own",
  path: /^\//,
  joining: "none",
  ignored: [],
  texts: [],
  jsonTexts: [],
  floats: [],
};

/** An operation by its name, as a row has it. */
export function operationNamed(name: OperationName): Operation {
  return operations.find((each) => each.name === name) ?? ownOperation;
}

/**
 * Prefixes of the paths that a model serves to its users, each with a slash at its end. Nothing else is routed: a control server's
 * `/control/` is on the same port, and so are `/metrics`.
 */
export const servedPrefixes = ["/v1/", "/v2/", "/openai/v1/"] as const;
