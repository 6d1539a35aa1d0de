import { InvalidArgumentError } from "commander";

/** Reads an option's whole number within bounds, both inclusive. */
export function wholeNumberArgument(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`give a whole number from ${minimum} to ${maximum}.`);
  };
}

/** Reads an option's share, 0 to 1. */
export function shareArgument(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("give a share from 0 to 1, such as 0.01.");
}

/** Reads how many times as fast something goes. */
export function factorArgument(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0.001 && value <= 1_000) return value;
  throw new InvalidArgumentError("give a number from 0.001 to 1000, such as 2 for twice as fast.");
}
