import { expect, test } from "vitest";
import { configForPatch, parseTrussConfig } from "../../../../src/domain/truss/config.ts";

/** Facts of PyYAML 6 and truss 0.18.35; test/integration/adapters/truss/patch.test.ts asks the installed library about hundreds more. */

test.each([
  ["12e4567", "12e4567"],
  ["y", "y"],
  ["yes", "true"],
  ["off", "false"],
  ["08", "08"],
  ["010", "8"],
  ["0o7", "0o7"],
  ["1e3", "1e3"],
  ["1.5e+3", "1500.0"],
  ["1:30", "90"],
  ["1_000", "1000"],
  ["~", "None"],
  ["-.inf", "-inf"],
  ["1.0e-7", "1e-07"],
  ["2024-01-01", "2024-01-01"],
  ["2024-1-2 3:04:05.25 +2", "2024-01-02 03:04:05.250000+02:00"],
  ["99999999999999999999", "99999999999999999999"],
  ['"12"', "12"],
])("the environment variable %s is %j in the container", (written, text) => {
  expect(parseTrussConfig(`environment_variables: {A: ${written}}\n`).environment_variables).toEqual({ A: text });
});

test.each([
  ["spec_version: 2.0\n", "config.yaml: spec_version: 2.0: Input should be a valid string"],
  [
    "runtime: {predict_concurrency: abc}\n",
    'config.yaml: runtime.predict_concurrency: "abc": Input should be a valid integer, unable to parse string as an integer',
  ],
  ["requirements:\n", "config.yaml: requirements: null: Input should be a valid list"],
  ["model_metadata: {1: a}\n", "config.yaml: model_metadata.1: 1: Input should be a valid string"],
  ["description: !x 1\n", "config.yaml line 1: not valid YAML: could not determine a constructor for the tag '!x'"],
  ["description: 2024-13-01\n", 'config.yaml line 1: not valid YAML: "2024-13-01" is no date'],
  ["resources: {accelerator: T5}\n", /Unsupported accelerator type: `T5`\. Available types: B10, T4/],
])("%j is refused in the library's words", (text, message) => {
  expect(() => parseTrussConfig(text)).toThrow(message);
});

test("all that the library refuses is told at once", () => {
  expect(() => parseTrussConfig("spec_version: 2\nmodel_name: [a]\n")).toThrow(
    'config.yaml: model_name: ["a"]: Input should be a valid string\nconfig.yaml: spec_version: 2: Input should be a valid string',
  );
});

test("a config patch has the library's nested defaults, and the key y is y", () => {
  expect(configForPatch("model_metadata: {y: 1}\nbase_image: {image: i}\n")).toMatchObject({
    config: {
      model_metadata: { y: 1 },
      base_image: { image: "i", python_executable_path: "", docker_auth: null },
    },
  });
});

test.each([["{a: .inf}"], ["{a: 9007199254740993}"], ["{a: !!binary /w==}"]])(
  "what JSON cannot carry, such as %s, is not a patch",
  (metadata) => {
    expect(configForPatch(`model_metadata: ${metadata}\n`)).toEqual({
      reason: expect.stringMatching(/^model_metadata\.a: /),
    });
  },
);

test("aliases that unfold without end are refused", () => {
  const levels = Array.from({ length: 9 }, (_, index) => `k${index + 1}: &k${index + 1} [${`*k${index},`.repeat(9)}]`);
  expect(() => parseTrussConfig(`k0: &k0 [x,x,x,x,x,x,x,x,x]\n${levels.join("\n")}\n`)).toThrow(
    /unfold to more than a million/,
  );
  expect(() => parseTrussConfig("a: &a [*a]\n")).toThrow(/there is no anchor &a before it/);
});
