import type { Verdict } from "../../src/domain/proof/verdict.ts";

/** Edits of the three models of the zoo, with what a proof has to say of each. */

export type EditedModel = "iris" | "multiplier" | "speaker";

/** What is replaced by what in a file of the truss; a file that is not there is written. */
export type Replacement = readonly [file: string, what: string, by: string];

export interface ProofEdit {
  readonly what: string;
  readonly model: EditedModel;
  /** Of the old side, besides the zoo's own files. @default none */
  readonly before?: readonly Replacement[];
  readonly edit?: readonly Replacement[];
  /** Keys of the model in the stack's file, on both sides and on the new one. */
  readonly declared?: object;
  readonly declaredNew?: object;
  /** @default 60 requests of the model's own kind, of 20 chats without chance */
  readonly sample?: "chances";
  readonly verdict: Verdict;
}

const model = "model/model.py";
const predict = "        rows = _rows_of(model_input)\n";
const rounded = "round(float(value), 6)";
const noisy: readonly Replacement[] = [
  [model, "import math\n", "import math\nimport random\n"],
  [model, rounded, "round(float(value) + random.gauss(0, 0.001), 6)"],
];
const withTolerance = { proof: { compare: { tolerance: { absolute: 0.02 } } } };
const multiplied = "        return float(number * self._factor)\n";
const comment: Replacement = [model, "class Model:", "# Another comment.\nclass Model:"];

export const proofEdits: readonly ProofEdit[] = [
  {
    what: "a variable gets another name",
    model: "iris",
    edit: [
      [model, predict, "        flowers = _rows_of(model_input)\n"],
      [model, "predict_proba(rows)", "predict_proba(flowers)"],
    ],
    verdict: "equal",
  },
  { what: "a comment", model: "iris", edit: [comment], verdict: "equal" },
  { what: "a text beside the code", model: "iris", edit: [["README.md", "", "Flowers.\n"]], verdict: "equal" },
  {
    what: "more steps than the fit takes",
    model: "iris",
    edit: [[model, "max_iter=500", "max_iter=600"]],
    verdict: "equal",
  },
  {
    what: "another patch release of a dependency",
    model: "iris",
    edit: [["config.yaml", "scikit-learn==1.7.2", "scikit-learn==1.7.1"]],
    verdict: "equal",
  },
  {
    what: "fewer digits",
    model: "iris",
    edit: [[model, rounded, "round(float(value), 3)"]],
    verdict: "differs",
  },
  {
    what: "fewer digits, which the stack allows",
    model: "iris",
    edit: [[model, rounded, "round(float(value), 3)"]],
    declared: { proof: { compare: { tolerance: { absolute: 0.001 } } } },
    verdict: "within",
  },
  {
    what: "millimetres taken for centimetres",
    model: "iris",
    edit: [[model, predict, `${predict}        rows = [[value / 10 for value in row] for row in rows]\n`]],
    verdict: "differs",
  },
  {
    what: "another regularization",
    model: "iris",
    edit: [[model, "LogisticRegression(max_iter=500)", "LogisticRegression(max_iter=500, C=0.5)"]],
    verdict: "differs",
  },
  {
    what: "names in capitals",
    model: "iris",
    edit: [[model, "[str(name) for name", "[str(name).upper() for name"]],
    verdict: "differs",
  },
  {
    what: "a field less",
    model: "iris",
    edit: [[model, '            "classes": [self._classes[index] for index in predictions],\n', ""]],
    verdict: "differs",
  },
  {
    what: "one flower in sixty ends the process",
    model: "iris",
    edit: [
      [model, "import math\n", "import math\nimport os\n"],
      [model, predict, `${predict}        if rows[0][0] > 7.8:\n            os._exit(1)\n`],
    ],
    verdict: "fails",
  },
  {
    what: "one flower in sixty raises",
    model: "iris",
    edit: [[model, predict, `${predict}        if rows[0][0] > 7.8:\n            raise ValueError("too long")\n`]],
    verdict: "fails",
  },
  {
    what: "a slow loop",
    model: "iris",
    edit: [
      [model, "import math\n", "import math\nimport time\n"],
      [model, predict, `${predict}        for _ in rows:\n            time.sleep(0.02)\n`],
    ],
    verdict: "equal",
  },
  { what: "answers that are drawn", model: "iris", edit: noisy, verdict: "differs" },
  {
    what: "a comment in a model whose answers are drawn",
    model: "iris",
    before: noisy,
    edit: [comment],
    verdict: "undecided",
  },
  {
    what: "the same, with a tolerance over its noise",
    model: "iris",
    before: noisy,
    edit: [comment],
    declared: withTolerance,
    verdict: "equal",
  },
  {
    what: "wrong units under noise",
    model: "iris",
    before: noisy,
    edit: [[model, predict, `${predict}        rows = [[value / 10 for value in row] for row in rows]\n`]],
    declared: withTolerance,
    verdict: "differs",
  },
  {
    what: "an import of what is not there",
    model: "iris",
    edit: [[model, "import math\n", "import math\nimport torch\n"]],
    verdict: "fails",
  },
  {
    what: "a slow start",
    model: "iris",
    edit: [
      [model, "import math\n", "import math\nimport time\n"],
      [model, "        iris = load_iris()\n", "        time.sleep(3)\n        iris = load_iris()\n"],
    ],
    verdict: "equal",
  },
  {
    what: "the same factor, written otherwise",
    model: "multiplier",
    declaredNew: { env: { FACTOR: "3.0" } },
    verdict: "equal",
  },
  { what: "another factor", model: "multiplier", declaredNew: { env: { FACTOR: "3.001" } }, verdict: "differs" },
  {
    what: "floats in place of decimals",
    model: "multiplier",
    edit: [[model, multiplied, "        return float(number) * float(self._factor)\n"]],
    verdict: "differs",
  },
  {
    what: "floats, with a tolerance for them",
    model: "multiplier",
    edit: [[model, multiplied, "        return float(number) * float(self._factor)\n"]],
    declared: { proof: { compare: { tolerance: { relative: 1e-9 } } } },
    verdict: "within",
  },
  {
    what: "results in another order",
    model: "multiplier",
    edit: [[model, "enumerate(values)]}", "enumerate(values)][::-1]}"]],
    verdict: "differs",
  },
  {
    what: "another order, which the stack allows",
    model: "multiplier",
    edit: [[model, "enumerate(values)]}", "enumerate(values)][::-1]}"]],
    declared: { proof: { compare: { unordered: ["results"] } } },
    verdict: "within",
  },
  {
    what: "one request in sixty is off by one",
    model: "multiplier",
    edit: [[model, multiplied, "        return float(number * self._factor) + (number > 59)\n"]],
    verdict: "differs",
  },
  {
    what: "more memory",
    model: "multiplier",
    declared: { resources: { cpu: "500m", memory: "256Mi" } },
    declaredNew: { resources: { cpu: "500m", memory: "512Mi" } },
    verdict: "equal",
  },
  {
    what: "a variable that nothing reads",
    model: "multiplier",
    declaredNew: { env: { FACTOR: "3", OTHER: "1" } },
    verdict: "equal",
  },
  {
    what: "the product has a name",
    model: "multiplier",
    edit: [[model, multiplied, "        product = number * self._factor\n        return float(product)\n"]],
    verdict: "equal",
  },
  {
    what: "one request in sixty ends the process",
    model: "multiplier",
    edit: [
      // A signal would not end it: a container's first process gets none from inside that it does not handle.
      [model, "import os\n", "import ctypes\nimport os\n"],
      [model, multiplied, `        if number > 59:\n            ctypes.string_at(0)\n${multiplied}`],
    ],
    verdict: "fails",
  },
  {
    what: "one request in sixty is refused",
    model: "multiplier",
    edit: [
      [model, multiplied, `        if number > 59:\n            raise HTTPException(400, "too large")\n${multiplied}`],
    ],
    verdict: "differs",
  },
  {
    what: "a request that was refused is answered",
    model: "multiplier",
    edit: [
      [
        model,
        "        if not isinstance(values, list):\n            raise",
        '        if values == "none":\n            values = []\n        if not isinstance(values, list):\n            raise',
      ],
    ],
    verdict: "differs",
  },
  {
    what: "a field with another name",
    model: "multiplier",
    edit: [[model, '{"results": [', '{"result": [']],
    verdict: "differs",
  },
  { what: "a comment in a model of chats", model: "speaker", edit: [comment], verdict: "equal" },
  {
    what: "a prompt before each conversation",
    model: "speaker",
    edit: [
      [
        "model/chat.py",
        '        [_turn(each, f"messages[{index}]") for index, each in enumerate(messages)],',
        '        [_turn(each, f"messages[{index}]") for index, each in enumerate(messages)] + [Turn("user", "Tell me of owls.")],',
      ],
    ],
    verdict: "differs",
  },
  {
    what: "another temperature, of which no request leaves the choice",
    model: "speaker",
    declaredNew: { env: { TOKENS_PER_SECOND: "200", TEMPERATURE: "0.5" } },
    verdict: "equal",
  },
  {
    what: "a comment, and requests that are drawn",
    model: "speaker",
    edit: [comment],
    sample: "chances",
    verdict: "undecided",
  },
  {
    what: "the same, where the words do not count",
    model: "speaker",
    edit: [comment],
    sample: "chances",
    declared: { proof: { compare: { ignore: ["choices", "usage"] } } },
    verdict: "equal",
  },
  {
    what: "a slower speaker",
    model: "speaker",
    declaredNew: { env: { TOKENS_PER_SECOND: "40" } },
    verdict: "equal",
  },
];

/** What every model of a kind declares, and what its sample's requests are. */
export const editedModels: Readonly<
  Record<EditedModel, { readonly declared: object; readonly operation: "predict" | "chat"; readonly path: string }>
> = {
  iris: {
    declared: { resources: { cpu: "500m", memory: "512Mi" } },
    operation: "predict",
    path: "/v1/models/model:predict",
  },
  multiplier: {
    declared: { resources: { cpu: "500m", memory: "256Mi" }, env: { FACTOR: "3" } },
    operation: "predict",
    path: "/v1/models/model:predict",
  },
  speaker: {
    declared: { resources: { cpu: "500m", memory: "256Mi" }, env: { TOKENS_PER_SECOND: "200" } },
    operation: "chat",
    path: "/v1/chat/completions",
  },
};

/** Bodies of the requests of a sample. */
export function editedRequests(model: EditedModel, sample: ProofEdit["sample"]): readonly unknown[] {
  const each = <Body>(count: number, body: (index: number) => Body): Body[] =>
    Array.from({ length: count }, (_, index) => body(index));
  if (model === "iris") {
    return each(60, (index) => ({
      inputs: [
        [
          index === 31 ? 7.9 : 4.3 + (index % 35) / 10,
          2 + (index % 24) / 10,
          1 + (index % 59) / 10,
          0.1 + (index % 24) / 10,
        ],
      ],
    }));
  }
  if (model === "multiplier") {
    return [...each(60, (index) => ({ values: [`${index}.3`, index * 0.25] })), { values: "none" }];
  }
  const animals = ["otter", "owl", "fox", "heron", "badger", "hare", "beaver", "swan", "toad", "mole"];
  return each(20, (index) => ({
    messages: [
      {
        role: "user",
        content: `${index < 10 ? "What does" : "Where does"} the ${animals[index % 10]} ${index < 10 ? "eat" : "live"}?`,
      },
    ],
    max_tokens: 12,
    ...(sample === "chances" ? {} : { temperature: 0 }),
  }));
}
