/** Addresses that a check of a stack's file takes for given where nothing is deployed, so that nothing is called missing. */
export const unknownDefaults = { gatewayUrl: "http://127.0.0.1", databaseAddress: "127.0.0.1:5432" };
