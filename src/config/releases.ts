import { schemes } from "../domain/release/scheme.ts";
import { choice, flag, mapping, namesTo, text, wholeNumber } from "./fields.ts";
import { zooName } from "./zoo.ts";

/** How a release's tag is made, see docs/releases.md. */
export const versioning = mapping(
  {
    scheme: choice(
      schemes,
      "How versions of code and models become a tag: deployment-manager (release-7), models-as-dependencies or code-centric (v1.3.0), tags or model-centric (v1.2.3-irisv42). Default: deployment-manager.",
    ).default("deployment-manager"),
    code: text(
      /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/,
      'write it as "<major>.<minor>.<patch>", such as "1.2.3"',
      "Version of the code. Default: that of the last git tag v<major>.<minor>.<patch>, else 0.0.0.",
    ).optional(),
    candidate: flag("Tags end in -rc.<N>, for staging. Default: false.").default(false),
    promotedFrom: text(
      /^[^\s/]+\/[^\s/]+$/,
      "write <environment>/<tag>, as `menagerie promote` does",
      "Release that this one was promoted from. Written by `menagerie promote`. Default: none.",
    ).optional(),
  },
  "write {scheme: tags, code: 1.2.3}",
  "How releases are named.",
);

const mlflowModel = mapping(
  {
    model: text(
      /^[^\0/:]{1,256}$/,
      "give the registered model's name",
      "Name of the registered model. Default: the name of this entry.",
    ).optional(),
    version: wholeNumber(1, 999_999_999, "Version of the registered model. Default: that of `alias`.").optional(),
    alias: text(
      /^[A-Za-z0-9_-]{1,255}$/,
      "give an alias of the registered model, such as champion",
      "Alias of the version that is deployed; looked up in every `up`. Default: none.",
    ).optional(),
  },
  "write {version: 42} or {alias: champion}",
  "The model's version in MLflow.",
);

const releaseModel = mapping(
  {
    version: wholeNumber(1, 999_999_999, "Version of the model. Default: that of MLflow.").optional(),
    mlflow: mlflowModel.optional(),
  },
  "write {version: 42} or {mlflow: {alias: champion}}",
  "One model whose version is not the zoo's own.",
);

export const models = namesTo(
  zooName,
  "use lower-case letters, digits, - and _, starting with a letter, such as ranker",
  releaseModel,
  "write {<model>: {version: 42}}",
  "Versions of models that releases name, beside those of the zoo, or in place of the zoo's own number. Default: none.",
).default({});

export const mlflow = mapping(
  {
    url: text(
      /^https?:\/\/[^\s?#@]+$/,
      "give the address of the tracking server, such as https://mlflow.example.com, without credentials",
      "MLflow tracking server. Its credentials come from MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Default: MLFLOW_TRACKING_URI.",
    ),
  },
  "write {url: https://mlflow.example.com}",
  "Model registry that menagerie:models names.",
).optional();
