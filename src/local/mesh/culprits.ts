/** Objects that can be left out of what Envoy is told, one by one. */
export interface Trial<Suspect> {
  leaveOut(suspect: Suspect): Promise<void>;
  takeBack(suspect: Suspect): Promise<void>;
  /** Whether Envoy takes the table as it is after the last change. */
  isTaken(): Promise<boolean>;
}

/**
 * Finds the objects that Envoy refuses a table for by leaving them out, and leaves them out. One at a time first: as long as Envoy refuses the
 * table it goes on with the one before, so nobody's requests notice that an object which is in order was tried. Where it is several, they go
 * together, and those that were in order come back one by one.
 * @param suspects the likeliest first
 * @returns those that are left out; none where that did not help
 */
export async function findCulprits<Suspect>(
  suspects: readonly Suspect[],
  trial: Trial<Suspect>,
): Promise<readonly Suspect[]> {
  for (const suspect of suspects) {
    await trial.leaveOut(suspect);
    // Somebody may have mended the table at that moment.
    if (await trial.isTaken()) return withoutInnocent([suspect], trial);
    await trial.takeBack(suspect);
  }
  const out: Suspect[] = [];
  for (const suspect of suspects) {
    await trial.leaveOut(suspect);
    out.push(suspect);
    if (out.length > 1 && (await trial.isTaken())) return withoutInnocent(out, trial);
  }
  for (const suspect of out) await trial.takeBack(suspect);
  return [];
}

/** Of objects without which a table is taken, those with any of which it is not. */
async function withoutInnocent<Suspect>(out: readonly Suspect[], trial: Trial<Suspect>): Promise<readonly Suspect[]> {
  const culprits: Suspect[] = [];
  for (const suspect of out) {
    await trial.takeBack(suspect);
    if (await trial.isTaken()) continue;
    await trial.leaveOut(suspect);
    await trial.isTaken();
    culprits.push(suspect);
  }
  return culprits;
}
