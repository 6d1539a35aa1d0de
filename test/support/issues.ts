import { OperatorError } from "../../src/domain/errors.ts";
import { type Refusal, refusalsOfTable } from "../../src/domain/refusals/refusal.ts";

const refusal = refusalsOfTable({ "test.mistake": { says: "{message}", fix: "", cause: "A test says so." } });

/** A refusal of any sentence, for tests of what comes after it. */
export const refusalSaying = (message: string): Refusal => refusal("test.mistake", null, { message });

/** An operator's mistake of any sentence, with exit code 2. */
export const issueSaying = (message: string): OperatorError => new OperatorError(refusalSaying(message));
