export { steadyScramVerifier } from "../adapters/postgres/scramVerifier.ts";
