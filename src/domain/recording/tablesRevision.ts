/** Revision of `tables.sql`: counts the changes to columns of tables that stacks have already. */
export const predictionTablesRevision = 2;
