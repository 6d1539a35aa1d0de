import { expect, test } from "vitest";
import { isControlTruss, parseTrussConfig, systemPackages } from "../../../../src/domain/truss/config.ts";
import { refuseUnbuildable, trussImageConfig } from "../../../../src/domain/truss/directoryImage.ts";
import { requirementName } from "../../../../src/domain/truss/requirements.ts";

test("an empty config has the truss library's defaults", () => {
  expect(parseTrussConfig("")).toMatchObject({
    model_module_dir: "model",
    model_class_filename: "model.py",
    data_dir: "data",
    bundled_packages_dir: "packages",
    requirements: [],
    python_version: "py313",
    resources: { cpu: "1", memory: "2Gi" },
  });
});

test("keys that Menagerie does not know pass through", () => {
  expect(parseTrussConfig("runtime:\n  predict_concurrency: 4\n")).toMatchObject({
    runtime: { predict_concurrency: 4 },
  });
});

test("environment variables become text", () => {
  const config = parseTrussConfig("environment_variables: {A: 1, B: yes, C: text}\n");
  expect(config.environment_variables).toEqual({ A: "1", B: "true", C: "text" });
});

test.each([
  ["a: [\n", /^config\.yaml line \d+: not valid YAML/],
  ["- a\n", /^config\.yaml: must be a mapping/],
  [
    "python_version: py27\n",
    /^config\.yaml: python_version: "py27": Please ensure that `python_version` is one of py39/,
  ],
  [
    "model_module_dir: ../other\n",
    /^config\.yaml: model_module_dir: "\.\.\/other": must be a relative path inside the truss/,
  ],
  ["requirements: numpy\n", /^config\.yaml: requirements: "numpy": /],
  [
    "requirements: [a]\nrequirements_file: r.txt\n",
    /^config\.yaml: Please ensure that only one of `requirements` and `requirements_file` is specified$/,
  ],
])("%j is refused in one sentence with file, key and value", (text, message) => {
  expect(() => parseTrussConfig(text)).toThrow(message);
});

test.each([
  ["environment_variables: {API_KEY: {a: hunter2}}\n", /^config\.yaml: environment_variables\.API_KEY: /],
  ["secrets: hunter2\n", /^config\.yaml: secrets: /],
  ["requirements: git+https://ada:hunter2@git.test/a/b\n", /requirements: "git\+https:\/\/\*\*\*@git\.test\/a\/b": /],
  [`requirements: git+https://ada:${"hunter2".repeat(30)}@git.test/a/b\n`, /git\+https:\/\/\*\*\*@git/],
])("a mistake shows no secret: %s", (text, message) => {
  expect(() => parseTrussConfig(text)).toThrow(message);
  expect(() => parseTrussConfig(text)).not.toThrow(/hunter2/);
});

test("either key marks a control truss", () => {
  expect(isControlTruss(parseTrussConfig(""))).toBe(false);
  expect(isControlTruss(parseTrussConfig("live_reload: true"))).toBe(true);
  expect(isControlTruss(parseTrussConfig("use_control_plane: true"))).toBe(true);
});

test("one item of system_packages may name several packages", () => {
  const config = parseTrussConfig("system_packages: [jq curl, jq]\n");
  expect(systemPackages(config)).toEqual(["jq", "curl"]);
  expect(() => refuseUnbuildable(config, "m")).toThrow(
    /truss "m": system_packages: jq, curl: a directory image cannot/,
  );
});

test("an ordinary image runs the inference server on 8080, a control truss's the control server before it", () => {
  const config = parseTrussConfig("environment_variables: {FACTOR: 3}\n");
  const ordinary = trussImageConfig(config, undefined);
  expect(ordinary.entrypoint).toEqual(["/opt/python/inference/bin/python", "/app/main.py"]);
  expect(ordinary.env).toMatchObject({ INFERENCE_SERVER_PORT: "8080", FACTOR: "3" });
  const control = trussImageConfig(config, { bakedHash: "ab" });
  expect(control.entrypoint).toEqual(["/opt/python/control/bin/python", "/control/control/server.py"]);
  expect(control.env).toMatchObject({ CONTROL_SERVER_PORT: "8080", INFERENCE_SERVER_PORT: "8090", HASH_TRUSS: "ab" });
});

test.each([
  ["numpy", "numpy"],
  ["scikit-learn==1.7.2", "scikit-learn"],
  ["Foo_bar[x,y] >=1, <2 ; python_version < '3.12'", "Foo_bar"],
  ["pkg @ file:///tmp/x.whl", "pkg"],
  ["./local", undefined],
  ["git+ssh://host/a/b.git", undefined],
  ["--pre", undefined],
])("the name in %j is %j", (text, name) => {
  expect(requirementName(text)).toBe(name);
});
