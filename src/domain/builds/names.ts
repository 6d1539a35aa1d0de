/** Names that the Pipeline, its runs and who starts them agree on. */
export const pipelineName = "build-truss";
export const buildAccount = "truss-build";
export const workspaces = { context: "context", credentials: "credentials" } as const;

/** Labels of everything that builds are made of. */
export const buildPartLabels = { "app.kubernetes.io/part-of": "menagerie" };
