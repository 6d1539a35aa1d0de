/** A table of model versions in a database that is there already, such as a Django application's. All names are plain. */
export interface ExistingTable {
  readonly schema: string;
  readonly table: string;
  /** Key of a model version: text, integer or UUID. */
  readonly idColumn: string;
  /** Id of the version that answers in its place. */
  readonly proxyColumn: string;
  /** Who owns it; without it, plans don't tell the number of users. */
  readonly userColumn?: string | undefined;
  /** Whose it is; without it, there are no shares of organizations. */
  readonly organizationColumn?: string | undefined;
}
