import { defineConfig } from "vitest/config";

/** A run that never ends by itself, for tests of runs that are interrupted. */
export default defineConfig({ test: { name: "unit", root: import.meta.dirname, include: ["endless.ts"] } });
