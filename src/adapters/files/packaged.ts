/**
 * Whether this code is that of the package `menagerie`, which is compiled because Node.js strips no types below `node_modules`. Code of a
 * checkout runs as it is written.
 */
export const isPackaged = import.meta.filename.endsWith(".js");
