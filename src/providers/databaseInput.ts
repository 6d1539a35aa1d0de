/** Input of every resource that works in the database. */
export interface DatabaseInput {
  /** Secret url of the server, where it comes from the stack's config; else MENAGERIE_DATABASE_URL says it. */
  readonly database?: string;
}

/** Where an environment's models are served. */
export interface EnvironmentInput extends DatabaseInput {
  /** Name of the stack. */
  readonly environment: string;
  /** Namespace that the models are served in. */
  readonly namespace: string;
  /** Context of the ambient kubeconfig; its current one when left out. */
  readonly context?: string;
}
