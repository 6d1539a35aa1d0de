import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", join(import.meta.dirname, "../../run/countingReporter.ts")],
    projects: [
      { extends: true, test: { name: "unit", include: [join(import.meta.dirname, "{failing,unloadable}.ts")] } },
    ],
  },
});
