import type { VersionServing } from "../../src/domain/zoo/serving.ts";

/** How a version of models/iris is served, where a test is about something else. */
export const irisServing: VersionServing = {
  truss: "models/iris",
  mode: "Standard",
  pool: "cpu",
  env: {},
  secrets: [],
  replicas: { min: 1, max: 1 },
  resources: { cpu: "1", memory: "1Gi", gpus: 0 },
};
